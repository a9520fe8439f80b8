package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/secgroup"
)

// Observe has f called with every batch of changes that is about to be applied
// to the cached policy, and with the policy as it is before, from now until
// stop. The calls come one after the other, and reads go on meanwhile; f must not
// call the store. What it returns, unless nil, is called right before a Read first
// sees the batch, and must be quick. It is how a process keeps what depends on the
// policy's recent history.
func (s *Store) Observe(f func(before *secgroup.Snapshot, b Batch) (applied func())) (stop func()) {
	return s.cache().observers.add(f)
}

// observers are the functions of Observe, in the order in which they came.
type observers struct {
	mu   sync.Mutex
	last int
	all  map[int]func(*secgroup.Snapshot, Batch) func()
}

func (o *observers) add(f func(*secgroup.Snapshot, Batch) func()) (remove func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[int]func(*secgroup.Snapshot, Batch) func(){}
	}
	o.last++
	id := o.last
	o.all[id] = f
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.all, id)
	}
}

func (o *observers) call(before *secgroup.Snapshot, b Batch) (applied []func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(o.all)) {
		if f := o.all[id](before, b); f != nil {
			applied = append(applied, f)
		}
	}
	return applied
}
