package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Unambiguous is ErrRestored if a revision was given out in a history that the
// store has lost since, so that somebody may mean that one: only the mark of the
// write tells it from the revision that has its number now.
func (s *Store) Unambiguous(ctx context.Context, rev int64) error {
	r := s.restores()
	if err := r.AwaitLoad(ctx); err != nil {
		return s.link.Failed("revision", err)
	}
	if r.HasLost(rev) {
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
	r := s.restores()
	if err := r.AwaitLoad(ctx); err != nil {
		return s.link.Failed("revision", err)
	}
	lost := r.HasLost(rev)
	if !lost && s.cache().Has(Write{Revision: rev}) != history.NotYet {
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
// former text until somebody has noticed, see package history.
func (s *Store) FollowEpoch(ctx context.Context, tell func(epoch string)) error {
	r := s.restores()
	var said string
	for {
		beat := r.Changed()
		var again <-chan time.Time
		if r.IsLoaded() {
			now, err := s.get(ctx, s.link.Keys.Head())
			if err != nil {
				again = time.After(link.RetryDelayMax)
			} else if epoch := fmt.Sprintf("%x-%s", now.Header.ClusterId, r.LatestMark()); epoch != said {
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

// Lost tells whether the store does not have the latest of some writes any more that
// somebody saw in it, in their order: it was restored from a backup, or is another
// one. If etcd has nothing left that tells, it may still have them.
func (s *Store) Lost(ctx context.Context, seen []Write) (bool, error) {
	if len(seen) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	t, err := s.link.Testify(ctx, seen[len(seen)-1])
	if err != nil {
		return false, s.link.Failed("history", err)
	}
	return t.Lineage == link.OtherHistory, nil
}

// Latest asks etcd for the revision of the latest mutation of the policy, 0 if there
// was none. What a follower has may be older.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	head, err := s.head(ctx)
	if err != nil {
		return 0, s.link.Failed("latest", err)
	}
	return head.Revision, nil
}

// head asks etcd which write of the policy is the latest, zero if there is none. It is
// for what is answered without a transaction, which would fail if the cache is behind:
// a follower whose connection hangs does not know that it is.
func (s *Store) head(ctx context.Context) (head Write, err error) {
	r, err := s.get(ctx, s.link.Keys.Head())
	if err == nil && len(r.Kvs) > 0 {
		head = record.WriteOf(r.Kvs[0])
	}
	return head, err
}

// get reads from etcd, within the time that one request may take.
func (s *Store) get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	return s.link.Client.Get(ctx, key, opts...)
}
