package controller

import (
	"testing"
	"time"
)

// TestPace: a few events at once, then one per cost, and after a rest a few at
// once again; costly ones never come at once.
func TestPace(t *testing.T) {
	t.Parallel()
	const slack = 200 * time.Millisecond
	for _, c := range []struct {
		cost     time.Duration
		atOnce   int
		inSecond int // events in the first second when there is always one
	}{
		{10 * time.Millisecond, 20, 120},
		{50 * time.Millisecond, 4, 24},
		{200 * time.Millisecond, 1, 6},
		{500 * time.Millisecond, 1, 3},
	} {
		p := pace{slack: slack}
		start := time.Now()
		for range 2 {
			now, first, count := start, 0, 0
			for {
				d := p.wait(now, c.cost)
				if d < 0 {
					t.Fatalf("wait %v", d)
				}
				if now = now.Add(d); now.After(start.Add(time.Second)) {
					break
				}
				if p.spend(now, c.cost); now.Equal(start) {
					first++
				}
				count++
			}
			if first != c.atOnce || count != c.inSecond {
				t.Errorf("cost %v: %d at once, %d in a second", c.cost, first, count)
			}
			start = start.Add(time.Minute)
		}
	}
}
