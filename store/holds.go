package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
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
	if !lost && s.cache().has(markedRevision{rev: rev}) != notSoFar {
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
