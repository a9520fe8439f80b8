package controller

import (
	"context"
	"maps"
	"sync"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// view is the policy as this host knows it, and what has changed in it since
// the engine looked last.
type view struct {
	wake func()

	mu      sync.RWMutex
	snap    *secgroup.Snapshot
	loaded  bool // the whole policy was read
	changed changes
}

// changes is what happened to the policy between two steps.
type changes struct {
	replaced bool // by another one: compile from scratch
	touched  secgroup.Touched
	concern  concern
}

func newView(wake func()) *view {
	return &view{wake: wake, snap: secgroup.NewSnapshot(), changed: noChanges()}
}

func noChanges() changes {
	return changes{concern: newConcern(), touched: secgroup.Touched{
		NICs: map[string]struct{}{}, Groups: map[secgroup.GroupRef]struct{}{}, Networks: map[string]struct{}{},
	}}
}

// Handle takes the next batch of the policy's history.
func (v *view) Handle(_ context.Context, b store.Batch) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if b.Full {
		v.snap = secgroup.NewSnapshot()
		v.loaded = true
		v.changed.replaced = true
		v.changed.concern.all = true
	} else {
		for _, ch := range b.Changes {
			v.changed.concern.note(v.snap, ch)
		}
	}
	t := v.snap.Apply(b.Revision, b.Changes)
	if !v.changed.replaced {
		maps.Copy(v.changed.touched.NICs, t.NICs)
		maps.Copy(v.changed.touched.Groups, t.Groups)
		maps.Copy(v.changed.touched.Networks, t.Networks)
		v.changed.touched.Baseline = v.changed.touched.Baseline || t.Baseline
	}
	v.wake()
	return nil
}

// State returns the snapshot of all batches so far; only Handle changes it.
func (v *view) State() *secgroup.Snapshot { return v.snap }

// take hands the policy and its changes to fn, which must not keep them. It
// returns the revision, or false while the policy has not been read.
func (v *view) take(fn func(*secgroup.Snapshot, changes)) (int64, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.loaded {
		return 0, false
	}
	fn(v.snap, v.changed)
	v.changed = noChanges()
	return v.snap.Revision(), true
}

// read lets fn look at the policy.
func (v *view) read(fn func(*secgroup.Snapshot)) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	fn(v.snap)
}
