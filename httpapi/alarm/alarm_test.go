package alarm

import (
	"testing"
	"time"
)

func TestAlarmsAreSpaced(t *testing.T) {
	t.Parallel()
	var a Book
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, c := range []struct {
		account string
		after   time.Duration
		want    bool
	}{
		{"acme", 0, true}, {"acme", 9 * time.Second, false}, {"bolt", 9 * time.Second, true}, {"acme", 10 * time.Second, true}, {"acme", 11 * time.Second, false},
	} {
		if got := a.due(c.account, at.Add(c.after)); got != c.want {
			t.Errorf("case %d: %t", i, got)
		}
	}
}
