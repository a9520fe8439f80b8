package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/membership"
	"github.com/ringfence/ringfence/store/internal/record"
)

// UpdateOption adds to a write.
type UpdateOption func(*updateOptions)

type updateOptions struct {
	notes []func(*secgroup.Snapshot, []secgroup.Change) ([]NoteWrite, error)
}

// Update runs plan on the cached policy and commits the changes it returns in
// one etcd transaction, which fails if anything they rest on has changed in
// the meantime; then plan runs again on a newer snapshot, until ctx ends. plan
// should do no more than look and compute.
//
// It returns the revision of the write, which the cache then includes: a Read
// sees it. If ctx ends in between, the write is reported as done all the same.
// A plan without changes writes nothing; the answer is the policy's revision.
// That, and an error of plan, is given only for a policy that was the latest at
// some time since Update was called.
//
// An error of plan is returned as it is. The others are *OpError: after
// ErrUnavailable, ErrTooLarge and the end of ctx nothing was written, even if
// the connection broke meanwhile: Update finds out what became of the
// transaction, for up to Config.RequestTimeout after ctx has ended, and says
// ErrOutcomeUnknown if it cannot.
func (s *Store) Update(ctx context.Context, plan func(*secgroup.Snapshot) ([]secgroup.Change, error), opts ...UpdateOption) (int64, error) {
	var o updateOptions
	for _, opt := range opts {
		opt(&o)
	}
	c := s.cache()
	began := time.Now()
	turn := false   // taken in s.retry
	latest := false // the cache has all that was written before this began
	defer func() {
		if turn {
			<-s.retry
		}
	}()
	for lost, stuck := 0, 0; ; {
		if err := c.current(ctx); err != nil {
			return 0, s.link.Failed("update", err)
		}
		d, rev, err := s.plan(c.state.Load(), plan, o)
		if errors.Is(err, membership.ErrUnknown) {
			if err := s.members.AwaitLoad(ctx); err != nil {
				return 0, s.link.Failed("update", err)
			}
			continue
		}
		if d == nil || err != nil {
			if latest {
				return rev, err
			}
			head, unknown := s.head(ctx)
			if unknown != nil {
				return 0, s.link.Failed("update", unknown)
			}
			if c.includes(rev, head) {
				return rev, err
			}
			if err := c.reach(ctx, head); err != nil {
				return 0, s.link.Failed("update", fmt.Errorf("waiting for revision %d: %w", head.Revision, err))
			}
			latest = true
			continue
		}
		r := s.commit(ctx, d)
		switch r.outcome {
		case committed:
			s.awaitCache(ctx, c, d.written(r.rev), r.own)
			return r.rev, nil
		case wentBack:
			if err := s.follows(ctx, c, d); err != nil {
				return 0, err
			}
			continue
		case failed:
			return 0, r.err
		case unsent:
			if time.Since(began) > lossGrace || ctx.Err() != nil {
				return 0, r.err
			}
			s.reconnect(ctx)
			continue
		case lostUnmade:
			if lost++; lost == lostAttempts || ctx.Err() != nil {
				return 0, r.err
			}
		case conflicted:
		}
		// Those who lost a race retry one at a time, not all against each other.
		if !turn {
			select {
			case <-ctx.Done():
				return 0, s.link.Failed("update", ctx.Err())
			case s.retry <- struct{}{}:
				turn = true
			}
		}
		if r.head.Revision > d.rev {
			if err := c.reach(ctx, r.head); err != nil {
				return 0, s.link.Failed("update", fmt.Errorf("waiting for revision %d: %w", r.head.Revision, err))
			}
			stuck = 0
			continue
		}
		if stuck++; stuck > stuckConflicts {
			return 0, &OpError{Op: "update", Err: s.explain(ctx, d)}
		}
		s.pause(ctx, c, Write{Revision: d.rev + 1})
	}
}

const (
	// lostAttempts is how often a write is tried whose request got lost.
	lostAttempts = 3
	// stuckConflicts is how often a write may fail on its conditions while the
	// policy stands still: events of hands other than a store's may be under way.
	stuckConflicts = 3
	stuckPause     = 100 * time.Millisecond
)

// plan makes the draft, or returns the revision of a policy that is to stay.
func (s *Store) plan(now *state, plan func(*secgroup.Snapshot) ([]secgroup.Change, error), o updateOptions) (*draft, int64, error) {
	changes, err := plan(now.snap)
	if err != nil {
		return nil, 0, err
	}
	notes, err := o.collect(now.snap, changes)
	if err != nil {
		return nil, 0, err
	}
	if err := now.refuse(changes); err != nil {
		return nil, 0, err
	}
	d, err := drafted(s.link.Keys, now.snap, changes, now.rests, notes)
	if err != nil {
		return nil, 0, &OpError{Op: "update", Err: err}
	}
	if d != nil {
		d.planned(s.link.Keys, now.epoch, now.head)
	}
	if err := s.permit(d); err != nil {
		return nil, 0, err
	}
	return d, now.snap.Revision(), nil
}

// outcome is what became of an attempt to commit a draft.
type outcome uint8

const (
	committed  outcome = iota // at rev
	conflicted                // its conditions did not hold; the policy was at head
	lostUnmade                // sent, lost, and certain not to be made; the policy was at head
	wentBack                  // the store does not have the history that it was planned on
	unsent                    // there was no connection
	failed                    // etcd refused it, or what became of it is unknown: err says so
)

type commitResult struct {
	outcome outcome
	rev     int64
	own     *ownWrite // nil if it is not known what etcd answered
	head    Write
	err     error
}

// commit tries a draft once.
func (s *Store) commit(ctx context.Context, d *draft) commitResult {
	switch l, err := s.meets(ctx, d.head); {
	case err != nil:
		return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
	case l != link.SameHistory:
		return commitResult{outcome: wentBack}
	}
	whole, err := s.write(ctx, d)
	if err != nil {
		return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
	}
	compares, ops, err := whole.arrange(s.link.Keys, s.link.Config.MaxTxnOps)
	if err != nil {
		return commitResult{outcome: failed, err: &OpError{Op: "update", Kind: ErrTooLarge, Err: err}}
	}
	txnCtx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	txnCtx, sent := link.NoteSent(txnCtx)
	r, err := s.link.Client.Txn(txnCtx).If(compares...).Then(ops...).Else(d.look(s.link.Keys)...).Commit()
	switch {
	case err == nil && r.Succeeded:
		return commitResult{outcome: committed, rev: r.Header.Revision, own: d.owned(s.link.Keys, r)}
	case err == nil && d.taken(r):
		return commitResult{outcome: failed, err: &OpError{Op: "update", Kind: ErrNoteTaken}}
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		s.link.Leases.Forget()
		return commitResult{outcome: conflicted, head: d.head}
	case err == nil:
		return d.beaten(r.Responses[0].GetResponseRange().Kvs)
	case errors.Is(err, rpctypes.ErrKeyNotFound): // a nested condition
		r, err := s.link.Client.Get(txnCtx, s.link.Keys.Head())
		if err != nil {
			return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
		}
		return d.beaten(r.Kvs)
	case link.Refused(err):
		return commitResult{outcome: failed, err: s.link.Failed("update", err)}
	case !*sent:
		return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
	}
	made, head, unresolved := s.resolve(d)
	switch {
	case unresolved != nil:
		return commitResult{outcome: failed, err: &OpError{Op: "update", Kind: ErrOutcomeUnknown, Err: fmt.Errorf("%w; then: %w", err, unresolved)}}
	case made:
		return commitResult{outcome: committed, rev: head.Revision}
	}
	return commitResult{outcome: lostUnmade, head: head, err: s.link.Failed("update", err)}
}

// beaten is what becomes of a draft whose conditions do not hold, in a store
// with that head.
func (d *draft) beaten(kvs []*mvccpb.KeyValue) commitResult {
	var head Write
	if len(kvs) > 0 {
		head = record.WriteOf(kvs[0])
	}
	if head.Revision < d.head.Revision || head.Revision == d.head.Revision && head.Mark != d.head.Mark {
		return commitResult{outcome: wentBack}
	}
	return commitResult{outcome: conflicted, head: head}
}

// meets finds out whether the store that requests go to has the history that
// ends with head, if there are other connections than when it last had.
func (s *Store) meets(ctx context.Context, head Write) (link.Lineage, error) {
	made := s.link.Conns.Made.Load()
	if made == s.asked.Load() || head.Revision == 0 {
		return link.SameHistory, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	t, err := s.link.Testify(ctx, head)
	if err != nil {
		return link.Unproven, err
	}
	if t.Lineage == link.SameHistory {
		s.asked.Store(made)
	}
	return t.Lineage, nil
}

// follows waits until the cache has gone on from what a draft was planned on:
// to the store's other history, or to a point of this one that can be proved.
func (s *Store) follows(ctx context.Context, c *cache, d *draft) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	for {
		beat := c.pulse.Next()
		if c.now().number != d.from.number || c.revision() != d.rev {
			return nil
		}
		select {
		case <-s.link.Ctx.Done():
			return s.link.Failed("update", ErrClosed)
		case <-ctx.Done():
			return s.link.Failed("update", fmt.Errorf("%w: %w", link.ErrWentBack, ctx.Err()))
		case <-beat:
		}
	}
}

// reconnect spares a request the rest of gRPC's wait between attempts to
// connect, after an outage that the feeds, with new connections, know is over.
func (s *Store) reconnect(ctx context.Context) {
	s.link.Client.ActiveConnection().ResetConnectBackoff()
	select {
	case <-ctx.Done():
	case <-time.After(link.RetryDelayMin):
	}
}

// awaitCache has the cache include a write: right away, or when what lies between has come,
// as long as it makes sense to wait for that.
func (s *Store) awaitCache(ctx context.Context, c *cache, w Write, own *ownWrite) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	_ = c.await(ctx, func() bool { // done or not, the write is made
		return own != nil && c.sink.own(own) || c.sees(w)
	})
}

// pause gives events that may be under way a moment to arrive.
func (s *Store) pause(ctx context.Context, c *cache, w Write) {
	ctx, cancel := context.WithTimeout(ctx, stuckPause)
	defer cancel()
	_ = c.reach(ctx, w) // or not: the caller counts
}
