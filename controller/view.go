package controller

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// view is the policy as this host knows it, and what has changed in it since
// the engine looked last.
type view struct {
	host       string
	wake       func()
	unreadable func([]store.Unreadable) // is told what cannot be read whenever that changed; may be nil
	told       []store.Unreadable
	waits      *waits // is told of changes; may be nil
	anew       func() // is told when another policy takes the place of the one before; may be nil

	// turn is held by Handle and take, which go one at a time. So take may read
	// the policy for as long as a compile lasts without holding up Read.
	turn  sync.Mutex
	local *span.Local // what of snap the host needs; nil while that is not known

	mu     sync.RWMutex // of all below; who holds turn may read without
	snap   *secgroup.Snapshot
	mark   string      // of the write that snap's revision is
	loaded bool        // the whole policy was read
	loss   impact.Loss // what may not be allowed any more since the engine looked
}

// changes is what happened to the policy between two steps.
type changes struct {
	share span.Delta  // full if another policy took the place of the one before
	loss  impact.Loss // what may not be allowed any more
}

// plugged says what is plugged at the host.
type plugged struct {
	nics    map[string]claim
	changed map[string]struct{} // NICs that may have come or gone since the last time; nil = any
}

func newView(host string, wake func()) *view {
	return &view{host: host, wake: wake, snap: secgroup.NewSnapshot()}
}

// Handle takes the next batch of the policy's history.
func (v *view) Handle(_ context.Context, b store.Batch) error {
	v.turn.Lock()
	defer v.turn.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if b.Full {
		before, pending := v.snap, v.loss.Filtered
		v.snap, v.local = secgroup.NewSnapshot(), nil
		v.loaded = true
		v.snap.Apply(b.Revision, b.Changes)
		v.loss = impact.Loss{All: true, Filtered: impact.Filtered(before, v.snap)}
		v.loss.Merge(impact.Loss{Filtered: pending})
		if v.anew != nil {
			v.anew()
		}
	} else {
		diff := impact.Begin(v.snap, b.Changes)
		touched := v.snap.Apply(b.Revision, b.Changes)
		if v.local != nil {
			v.local.Apply(touched)
		}
		v.loss.Merge(diff.End(v.snap).Loss)
	}
	v.mark = b.Mark
	switch {
	case v.waits == nil:
	case b.Full:
		v.waits.forget()
	default:
		v.waits.came(b.Revision)
	}
	if v.unreadable != nil && !slices.Equal(v.told, b.Unreadable) {
		v.told = b.Unreadable
		v.unreadable(b.Unreadable)
	}
	v.wake()
	return nil
}

// State returns the snapshot of all batches so far; only Handle changes it.
func (v *view) State() *secgroup.Snapshot { return v.snap }

// take hands the host's share of the policy and its changes to fn, which must not
// keep the share. It returns the revision, or false while the policy has not been
// read.
func (v *view) take(p plugged, fn func(*span.Share, changes)) (int64, bool) {
	v.turn.Lock()
	defer v.turn.Unlock()
	if !v.loaded {
		return 0, false
	}
	v.plug(p)
	share, delta := v.local.Take()
	fn(share, changes{delta, v.loss})
	v.mu.Lock()
	v.loss = impact.Loss{}
	v.mu.Unlock()
	return v.snap.Revision(), true
}

// plug has the share be that of what is plugged.
func (v *view) plug(p plugged) {
	if v.local == nil {
		v.local = span.NewLocal(v.snap, v.host)
		p.changed = nil
	}
	if p.changed == nil {
		v.local.PlugAll(maps.Keys(p.nics))
		return
	}
	nics := make(map[string]bool, len(p.changed))
	for id := range p.changed {
		_, nics[id] = p.nics[id]
	}
	v.local.Plug(nics)
}

// Read lets fn look at the policy, and at what the changes that the engine has
// not taken yet may have taken away.
func (v *view) Read(fn func(s *secgroup.Snapshot, pending *impact.Loss)) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	fn(v.snap, &v.loss)
}
