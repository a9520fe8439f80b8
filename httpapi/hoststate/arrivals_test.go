package hoststate

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// A host is behind since the first revision came that it has not applied, and
// not since the last.
func TestBehindSinceTheFirstMissed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	a := NewArrivals(func() time.Time { return now })
	for rev := int64(5); rev <= 7; rev++ {
		now = now.Add(time.Minute)
		a.Observe(nil, nil, store.Batch{Revision: rev})
	}
	now = now.Add(time.Second)
	for i, c := range []struct {
		applied, current int64
		want             time.Duration
	}{
		{7, 7, 0}, {8, 7, 0},
		{6, 7, time.Second}, {5, 7, time.Minute + time.Second},
		{4, 7, 2*time.Minute + time.Second}, {0, 7, 2*time.Minute + time.Second},
		{7, 9, 3*time.Minute + time.Second}, // nobody saw 9 come: it may have been here from the beginning
	} {
		if got := a.Behind(fmt.Sprint("h", i), c.applied, c.current); got != c.want {
			t.Errorf("applied %d of %d: behind for %s, want %s", c.applied, c.current, got, c.want)
		}
	}
	// One that had applied all and loses its switch is behind since then.
	for _, c := range []struct{ applied, want int64 }{{7, 0}, {0, 0}, {0, 10}, {6, 20}, {7, 0}, {6, 0}, {6, 10}} {
		if got := a.Behind("loses", c.applied, 7).Truncate(time.Second); got != time.Duration(c.want)*time.Second {
			t.Errorf("applied %d of 7: behind for %s, want %d s", c.applied, got, c.want)
		}
		now = now.Add(10 * time.Second)
	}
	if a.Only(map[string]bool{"h1": true}); len(a.last) != 1 {
		t.Errorf("hosts that are gone are kept: %v", a.last)
	}
	a.Observe(nil, nil, store.Batch{Revision: 3, Full: secgroup.NewSnapshot(), Broken: true})
	if got := a.Behind("h", 2, 3); got != time.Nanosecond {
		t.Errorf("after a restored store a host is behind for %s", got)
	}
	for rev := int64(4); rev < 3*maxArrivals; rev++ {
		a.Observe(nil, nil, store.Batch{Revision: rev})
	}
	if len(a.seen) > maxArrivals {
		t.Errorf("%d arrivals are kept", len(a.seen))
	}
}
