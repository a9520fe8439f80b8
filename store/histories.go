package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
)

// Unambiguous is ErrRestored if a revision was given out in a history that the
// store has lost since, so that somebody may mean that one: only the mark of the
// write tells it from the revision that has its number now.
func (s *Store) Unambiguous(ctx context.Context, rev int64) error {
	b := s.losses()
	if err := b.ready(ctx); err != nil {
		return s.link.Failed("revision", err)
	}
	if b.has(rev) {
		return &OpError{Op: "revision", Kind: ErrRestored, Err: fmt.Errorf("%d was given out before the store was restored, too, and no mark tells which it is", rev)}
	}
	return nil
}

// Holds finds out whether a revision can be one of the history that the store
// has: nil if so, ErrFutureRevision if the store has not come there, so that it
// never answered a write with it, and ErrRestored if it was lost when the store
// was restored from a backup. A number that was lost and then given out again is
// taken for what it is now. Mostly that is known here; else etcd is asked.
func (s *Store) Holds(ctx context.Context, rev int64) error {
	if err := s.cache().ready(ctx); err != nil {
		return s.link.Failed("revision", err)
	}
	b := s.losses()
	if err := b.ready(ctx); err != nil {
		return s.link.Failed("revision", err)
	}
	lost := b.has(rev)
	if !lost && s.cache().has(Write{Revision: rev}) != notSoFar {
		return nil
	}
	now, err := s.get(ctx, s.link.Keys.Head())
	switch {
	case err != nil:
		return s.link.Failed("revision", err)
	case rev > now.Header.Revision && lost:
		return &OpError{Op: "revision", Kind: ErrRestored, Err: fmt.Errorf("%d, and now is %d", rev, now.Header.Revision)}
	case rev > now.Header.Revision:
		return &OpError{Op: "revision", Kind: ErrFutureRevision, Err: fmt.Errorf("%d, and now is %d", rev, now.Header.Revision)}
	case !lost:
		return nil
	}
	then, err := s.get(ctx, s.link.Keys.Head(), clientv3.WithRev(rev))
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		return &OpError{Op: "revision", Kind: ErrRestored, Err: fmt.Errorf("%d was lost, and whether it was given out again cannot be told any more", rev)}
	case err != nil:
		return s.link.Failed("revision", err)
	case len(then.Kvs) == 0 || then.Kvs[0].ModRevision != rev:
		return &OpError{Op: "revision", Kind: ErrRestored, Err: fmt.Errorf("%d is no revision of the policy now", rev)}
	}
	return nil
}

// FollowEpoch tells which history the store has, now and whenever that is known to be
// another one, until ctx ends or the store is closed: which cluster it is, and what it
// lost last. It is the same text to all who follow it. One that was put back tells the
// former text until somebody has noticed, see noteLoss.
func (s *Store) FollowEpoch(ctx context.Context, tell func(epoch string)) error {
	b := s.losses()
	var said string
	for {
		beat := b.pulse.Next()
		var again <-chan time.Time
		if b.isLoaded() {
			r, err := s.get(ctx, s.link.Keys.Head())
			if err != nil {
				again = time.After(link.RetryDelayMax)
			} else if epoch := fmt.Sprintf("%x-%s", r.Header.ClusterId, b.latest()); epoch != said {
				tell(epoch)
				said = epoch
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.link.Ctx.Done():
			return &OpError{Op: "follow epoch", Kind: ErrClosed}
		case <-beat:
		case <-again:
		}
	}
}

// latest is the mark of the last write of the history that was lost last, "" if none
// was.
func (b *lossBoard) latest() (mark string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var at loss
	for _, l := range b.all {
		if l.when.After(at.when) || l.when.Equal(at.when) && l.mark > at.mark {
			at = l
		}
	}
	return at.mark
}
