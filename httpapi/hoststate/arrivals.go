package hoststate

import (
	"maps"
	"sort"
	"sync"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// maxArrivals bounds how many revisions are remembered with their times, 32 bytes
// each. Of one before them it is known that it came no later.
const maxArrivals = 4096

// Arrivals remembers when this API saw each of the latest revisions of the policy
// come, so that it can tell since when a host is behind.
type Arrivals struct {
	now   func() time.Time
	begun time.Time // what was there then may be older

	mu   sync.Mutex
	seen []arrival       // by revision, rising
	last map[string]fall // of each host, as it was looked at last
}

// fall is what a host had applied, and when it was seen to have less than before:
// one that loses its switch has nothing in force from then on, and not since long ago.
type fall struct {
	applied int64
	at      time.Time
}

type arrival struct {
	revision int64
	at       time.Time
}

// NewArrivals begins to remember.
func NewArrivals(now func() time.Time) *Arrivals {
	return &Arrivals{now: now, begun: now(), last: map[string]fall{}}
}

// Only forgets hosts that are gone.
func (a *Arrivals) Only(hosts map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.last, func(host string, _ fall) bool { return !hosts[host] })
}

// Observe is for Store.Observe.
func (a *Arrivals) Observe(_, _ *secgroup.Snapshot, b store.Batch) func() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b.Broken { // What was before is of another history, or may be.
		a.seen = nil
	}
	if b.Revision > 0 {
		a.seen = append(a.seen, arrival{b.Revision, a.now()})
	}
	if len(a.seen) > maxArrivals {
		a.seen = append([]arrival(nil), a.seen[len(a.seen)/2:]...)
	}
	return nil
}

// Late is Behind for the latest revision that came; 0 while none has.
func (a *Arrivals) Late(host string, applied int64) time.Duration {
	a.mu.Lock()
	n := len(a.seen)
	var current int64
	if n > 0 {
		current = a.seen[n-1].revision
	}
	a.mu.Unlock()
	return a.Behind(host, applied, current)
}

// Behind returns for how long a host that has applied that revision has been
// behind the one that is current, as far as this process has seen: 0 if it is not.
func (a *Arrivals) Behind(host string, applied, current int64) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.last[host]
	switch {
	case applied >= current:
		was.at = time.Time{}
	case applied < was.applied:
		was.at = a.now()
	}
	was.applied = applied
	a.last[host] = was
	if applied >= current {
		return 0
	}
	since := a.begun
	if i := sort.Search(len(a.seen), func(i int) bool { return a.seen[i].revision > applied }); i < len(a.seen) {
		since = a.seen[i].at
	}
	if was.at.After(since) {
		since = was.at
	}
	return max(a.now().Sub(since), time.Nanosecond)
}
