package controller

import (
	"slices"
	"testing"
	"time"
)

// observed keeps what a histogram would be told.
type observed []float64

func (o *observed) Observe(v float64) { *o = append(*o, v) }

// Each change is measured once, from when it was read until it, or a later one,
// is in force; one that is of no concern here, or of a policy that another one
// took the place of, is not.
func TestWaitsAreMeasured(t *testing.T) {
	t.Parallel()
	var got observed
	now := time.Unix(1000, 0)
	w := &applyTimes{seconds: &got, now: func() time.Time { return now }}
	after := func(d time.Duration) { now = now.Add(d) }
	w.read(5)
	after(time.Second)
	w.read(7)
	after(2 * time.Second)
	w.inForce(4, true) // before all of them
	w.inForce(6, true) // 5 is
	after(time.Second)
	w.inForce(7, true)
	w.inForce(7, true) // said again
	w.read(8)
	after(time.Hour)
	w.inForce(8, false)
	w.read(9)
	w.forget()
	w.read(2)
	after(500 * time.Millisecond)
	w.inForce(2, true)
	if want := []float64{3, 3, .5}; !slices.Equal(got, want) {
		t.Errorf("measured %v s, want %v", got, want)
	}
	for rev := range int64(3 * maxApplyTimes) {
		w.read(rev)
	}
	if len(w.seen) > maxApplyTimes {
		t.Errorf("%d changes are remembered, at most %d may be", len(w.seen), maxApplyTimes)
	}
	if got = nil; len(w.seen) > 0 {
		if w.inForce(3*maxApplyTimes, true); len(got) == 0 || len(w.seen) != 0 {
			t.Errorf("of many changes %d were measured, %d are left", len(got), len(w.seen))
		}
	}
}
