package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Batch is what changed in the policy at one revision.
type Batch struct {
	// Revision is the policy's after the batch. It rises from batch to batch,
	// except on a Full one after etcd was restored from an older backup.
	Revision int64
	// Mark tells the write at Revision from every other one that has its number
	// in another history: etcd restored from a backup gives numbers out again.
	// It is "" if the policy was changed by other hands than a Store's.
	Mark string
	// Changes may be none: a revision at which no object changed.
	Changes []secgroup.Change
	// Full is the whole policy, which replaces whatever was; nil: the batch is Changes.
	Full *secgroup.Snapshot
	// Broken says that the batch does not follow on the one before: the store
	// has another history now, or may have. Every Full one is Broken. What
	// revisions before it stood for is not known any more.
	Broken bool
	// Unreadable are all records that stand at this revision and cannot be
	// read, sorted by key; those who get it must not change it.
	Unreadable []Unreadable

	rests  map[secgroup.Key]*record.Rest // of the objects that were put, for those that have one
	listed bool                          // made of a list, not of one revision's events
	head   Write                         // the latest mutation up to Revision, zero: none in this batch
}

// After returns the policy after the batch, and what that touched: nothing is said of it if the
// batch is Full.
func (b Batch) After(before *secgroup.Snapshot) (*secgroup.Snapshot, secgroup.Touched) {
	if b.Full != nil {
		return b.Full, secgroup.Touched{}
	}
	return before.With(b.Revision, b.Changes)
}

// Handler receives the policy's history from Follow, which calls its methods
// from one goroutine.
type Handler interface {
	// Handle takes the next batch. An error ends Follow.
	Handle(ctx context.Context, b Batch) error
	// State returns the snapshot that all batches so far have made; Follow
	// reads it before the next Handle, to find the difference when etcd has
	// compacted the history in between. A handler that keeps no whole
	// snapshot returns nil, and gets a Full batch then.
	State() *secgroup.Snapshot
}

// Follow brings the policy's history to h: first a Full batch, then one batch
// a revision, in order, none missing and none twice. When etcd has compacted
// away what h missed while it was cut off, one batch holds the difference. When
// etcd was restored from a backup, which is known by the marks of the writes and
// not by revisions alone, a Full batch begins anew.
//
// It goes on over any loss of etcd (see Stale) until ctx ends, the store is
// closed (ErrClosed) or h fails, and returns that error. It holds nothing in
// memory: a process that only follows has no other snapshot than its own.
func (s *Store) Follow(ctx context.Context, h Handler) error {
	return s.follow(ctx, s.newPolicySink(h), link.NewHealth())
}

func (s *Store) newPolicySink(h Handler) *policySink {
	return &policySink{keys: s.link.Keys, handler: h, suspect: -1, log: s.link.Config.Logger}
}

func (s *Store) follow(ctx context.Context, p *policySink, health *link.Health) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.link.Ctx, cancel)()
	defer s.link.Register(health)()
	f := &link.Feed{
		Config: s.link.Config, Route: s.link.Route, Prefix: s.link.Keys.Policy(), Probe: s.link.Keys.Head(), Health: health,
		Sink: p,
	}
	p.ctx = ctx
	err := f.Run(ctx)
	var stop link.StopError
	switch {
	case errors.As(err, &stop):
		return stop.Err
	case s.link.Ctx.Err() != nil:
		return &OpError{Op: "follow", Kind: ErrClosed}
	}
	return err
}

// Observer is told of a batch that is about to be applied to the cached policy, with
// the policy before and after it. What it returns, unless nil, is called right before
// a Read first sees the batch, and must be quick.
type Observer func(before, after *secgroup.Snapshot, b Batch) (applied func())

// Observe has f called with every batch from now until stop. The calls come one after
// the other, and reads go on meanwhile; f must not call the store. It is how a process
// keeps what depends on the policy's recent history.
func (s *Store) Observe(f Observer) (stop func()) {
	return s.cache().observers.add(f)
}

// observers are the functions of Observe, in the order in which they came.
type observers struct {
	mu   sync.Mutex
	last int
	all  map[int]Observer
}

func (o *observers) add(f Observer) (remove func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[int]Observer{}
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

func (o *observers) call(before, after *secgroup.Snapshot, b Batch) (applied []func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(o.all)) {
		if f := o.all[id](before, after, b); f != nil {
			applied = append(applied, f)
		}
	}
	return applied
}
