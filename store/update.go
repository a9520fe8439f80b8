package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/secgroup"
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
// Updates that come at the same time may be made in one transaction, and then
// have one revision. Each is planned as if those before it had been made, and no
// object is changed by two of them (see together).
//
// It returns the revision of the write, which the cache then includes: a Read
// sees it. If ctx ends in between, the write is reported as done all the same.
// A plan without changes writes nothing; the answer is the policy's revision.
// That, and an error of plan, is given only for a policy that was the latest at
// some time since Update was called.
//
// An error of plan is returned as it is, and its panic is the caller's. The
// other errors are *OpError: after ErrUnavailable, ErrTooLarge and the end of
// ctx nothing was written, even if the connection broke meanwhile: Update finds
// out what became of the transaction, for up to Config.RequestTimeout after ctx
// has ended, and says ErrOutcomeUnknown if it cannot.
func (s *Store) Update(ctx context.Context, plan func(*secgroup.Snapshot) ([]secgroup.Change, error), opts ...UpdateOption) (int64, error) {
	rev, err := s.update(ctx, plan, opts)
	level, refused := errors.AsType[*LevelError](err)
	if !refused {
		return rev, err
	}
	if err := s.members.AwaitRise(ctx, level.Needs); err != nil {
		return 0, err
	}
	return s.update(ctx, plan, opts)
}

// update is Update, but for levels that are about to rise.
func (s *Store) update(ctx context.Context, plan func(*secgroup.Snapshot) ([]secgroup.Change, error), opts []UpdateOption) (int64, error) {
	u := &update{plan: plan, began: time.Now()}
	for _, opt := range opts {
		opt(&u.options)
	}
	if err := s.updates.Do(ctx, u); err != nil {
		return 0, s.link.Failed("update", err)
	}
	if u.panicked != nil {
		panic(u.panicked)
	}
	return u.rev, u.err
}

const (
	// lostAttempts is how often a write is tried whose request got lost.
	lostAttempts = 3
	// stuckConflicts is how often a write may fail on its conditions while the
	// policy stands still: events of hands other than a store's may be under way.
	stuckConflicts = 3
	stuckPause     = 100 * time.Millisecond
)

// attempt tries once to make updates in one transaction. It returns those that have no answer
// yet, which are to be tried again.
func (s *Store) attempt(ctx context.Context, all []*update) []*update {
	c := s.cache()
	if err := c.current(ctx); err != nil {
		s.fail(ctx, all, err)
		return unanswered(all)
	}
	t, err := s.gather(c.state.Load(), all)
	if errors.Is(err, membership.ErrUnknown) {
		if err := s.members.AwaitLoad(ctx); err != nil {
			s.fail(ctx, all, err)
		}
		return unanswered(all)
	}
	if t.draft == nil {
		s.judge(ctx, c, t.judged, t.base)
		return t.unanswered()
	}
	r := s.commit(ctx, t.draft)
	if r.outcome != committed {
		s.prepareRetry(ctx, c, t, r)
		return t.unanswered()
	}
	s.awaitCache(ctx, c, t.draft.written(r.rev), r.own)
	if c.sees(t.draft.written(r.rev)) {
		markLatest(all)
	}
	for _, u := range t.members {
		u.answer(r.rev, nil)
	}
	if r.own != nil && record.WriteOf(r.own.after) == t.base.head { // base was the latest policy until this write
		letStand(t.judged)
	}
	return t.unanswered()
}

// fail answers updates with an error, unless nobody waits for them any more.
func (s *Store) fail(ctx context.Context, all []*update, err error) {
	if ctx.Err() != nil {
		return
	}
	for _, u := range all {
		u.answer(0, s.link.Failed("update", err))
	}
}

// judge lets stand what became of updates that come to nothing, if the policy that
// they were planned on is known to be the latest.
func (s *Store) judge(ctx context.Context, c *cache, judged []*update, base *state) {
	var stale []*update
	for _, u := range judged {
		if u.answered = u.latest; !u.latest {
			stale = append(stale, u)
		}
	}
	if len(stale) == 0 {
		return
	}
	head, err := s.head(ctx)
	if err != nil {
		s.fail(ctx, stale, err)
	} else if c.includes(base.snap.Revision(), head) {
		letStand(stale)
	} else if err := c.reach(ctx, head); err != nil {
		s.fail(ctx, stale, fmt.Errorf("waiting for revision %d: %w", head.Revision, err))
	} else {
		markLatest(stale)
	}
}

// prepareRetry makes ready for another attempt after one that was not committed, and answers
// the updates that are not to be tried again.
func (s *Store) prepareRetry(ctx context.Context, c *cache, t *together, r commitResult) {
	switch r.outcome {
	case wentBack:
		if err := s.awaitHistory(ctx, c, t.draft); err != nil {
			for _, u := range t.members {
				u.answer(0, err)
			}
		}
		return
	case failed:
		blamed := len(t.members) == 1 || errors.Is(r.err, ErrOutcomeUnknown)
		for _, u := range t.members {
			if u.alone = true; blamed { // else who is to blame is found out one by one
				u.answer(0, r.err)
			}
		}
		return
	case unsent:
		for _, u := range t.members {
			if time.Since(u.began) > lossGrace || ctx.Err() != nil {
				u.answer(0, r.err)
			}
		}
		s.reconnect(ctx)
		return
	case committed, conflicted, lostUnmade:
	}
	moved := r.head.Revision > t.draft.rev
	for _, u := range t.members {
		if r.outcome == lostUnmade {
			u.lost++
		}
		if u.stuck++; moved {
			u.stuck = 0
		}
		switch {
		case u.lost == lostAttempts || u.lost > 0 && ctx.Err() != nil:
			u.answer(0, r.err)
		case u.stuck > stuckConflicts && len(t.members) == 1:
			u.answer(0, &OpError{Op: "update", Err: s.explain(ctx, t.draft)})
		default:
			u.alone = u.alone || u.stuck > 1
		}
	}
	if !moved {
		s.awaitEvents(ctx, c, Write{Revision: t.draft.rev + 1})
	} else if err := c.reach(ctx, r.head); err != nil {
		s.fail(ctx, unanswered(t.judged, t.members), fmt.Errorf("waiting for revision %d: %w", r.head.Revision, err))
	} else {
		markLatest(t.unanswered())
	}
}

// awaitCache has the cache include a write: right away, or when what lies between has come,
// as long as it makes sense to wait for that.
func (s *Store) awaitCache(ctx context.Context, c *cache, w Write, own *ownWrite) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	_ = c.await(ctx, func() bool { // done or not, the write is made
		return own != nil && c.sink.handOwn(own) || c.sees(w)
	})
}

// awaitEvents gives events that may be under way a moment to arrive.
func (s *Store) awaitEvents(ctx context.Context, c *cache, w Write) {
	ctx, cancel := context.WithTimeout(ctx, stuckPause)
	defer cancel()
	_ = c.reach(ctx, w) // or not: the caller counts
}
