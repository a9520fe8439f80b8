package controller

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// view is the policy as this host knows it, and what has changed in it since
// the engine looked last.
type view struct {
	wake       func()
	unreadable func([]store.Unreadable) // is told what cannot be read whenever that changed; may be nil
	told       []store.Unreadable

	// turn is held by Handle and take, which go one at a time. So take may read
	// the policy for as long as a compile lasts without holding up Read.
	turn sync.Mutex

	mu      sync.RWMutex // of all below; who holds turn may read without
	snap    *secgroup.Snapshot
	mark    string // of the write that snap's revision is
	loaded  bool   // the whole policy was read
	changed changes
}

// changes is what happened to the policy between two steps.
type changes struct {
	replaced bool // by another one: compile from scratch
	touched  secgroup.Touched
	loss     impact.Loss // what may not be allowed any more
}

func newView(wake func()) *view {
	return &view{wake: wake, snap: secgroup.NewSnapshot(), changed: noChanges()}
}

func noChanges() changes {
	return changes{touched: secgroup.Touched{
		NICs: map[string]struct{}{}, Groups: map[secgroup.GroupRef]struct{}{}, Networks: map[string]struct{}{},
	}}
}

// Handle takes the next batch of the policy's history.
func (v *view) Handle(_ context.Context, b store.Batch) error {
	v.turn.Lock()
	defer v.turn.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if b.Full {
		before, pending := v.snap, v.changed.loss.Filtered
		v.snap = secgroup.NewSnapshot()
		v.loaded = true
		v.changed = noChanges()
		v.changed.replaced = true
		v.snap.Apply(b.Revision, b.Changes)
		v.changed.loss = impact.Loss{All: true, Filtered: impact.Filtered(before, v.snap)}
		v.changed.loss.Merge(impact.Loss{Filtered: pending})
	} else {
		diff := impact.Begin(v.snap, b.Changes)
		v.changed.touch(v.snap.Apply(b.Revision, b.Changes))
		v.changed.loss.Merge(diff.End(v.snap).Loss)
	}
	v.mark = b.Mark
	if v.unreadable != nil && !slices.Equal(v.told, b.Unreadable) {
		v.told = b.Unreadable
		v.unreadable(b.Unreadable)
	}
	v.wake()
	return nil
}

func (c *changes) touch(t secgroup.Touched) {
	if c.replaced {
		return
	}
	maps.Copy(c.touched.NICs, t.NICs)
	maps.Copy(c.touched.Groups, t.Groups)
	maps.Copy(c.touched.Networks, t.Networks)
	c.touched.Baseline = c.touched.Baseline || t.Baseline
}

// State returns the snapshot of all batches so far; only Handle changes it.
func (v *view) State() *secgroup.Snapshot { return v.snap }

// take hands the policy and its changes to fn, which must not keep the policy.
// It returns the revision, or false while the policy has not been read.
func (v *view) take(fn func(*secgroup.Snapshot, changes)) (int64, bool) {
	v.turn.Lock()
	defer v.turn.Unlock()
	if !v.loaded {
		return 0, false
	}
	fn(v.snap, v.changed)
	v.mu.Lock()
	v.changed = noChanges()
	v.mu.Unlock()
	return v.snap.Revision(), true
}

// Read lets fn look at the policy, and at what the changes that the engine has
// not taken yet may have taken away.
func (v *view) Read(fn func(s *secgroup.Snapshot, pending *impact.Loss)) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	fn(v.snap, &v.changed.loss)
}
