package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/secgroup"
)

// Observe has f called with every batch of changes that is about to be applied
// to the cached policy, and with the policy as it is before, from now until
// stop. The calls come one after the other, and no Read runs meanwhile: f must
// be quick, must not keep the snapshot, and must not call the store. It is how
// a process keeps what depends on the policy's recent history.
func (s *Store) Observe(f func(before *secgroup.Snapshot, b Batch)) (stop func()) {
	return s.cache().observers.add(f)
}

// observers are the functions of Observe, in the order in which they came.
type observers struct {
	mu   sync.Mutex
	last int
	all  map[int]func(*secgroup.Snapshot, Batch)
}

func (o *observers) add(f func(*secgroup.Snapshot, Batch)) (remove func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[int]func(*secgroup.Snapshot, Batch){}
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

func (o *observers) call(before *secgroup.Snapshot, b Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(o.all)) {
		o.all[id](before, b)
	}
}
