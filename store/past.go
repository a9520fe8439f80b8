package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// ErrCompacted says that etcd does not have the asked part of the history any more.
var ErrCompacted = errors.New("revision is compacted")

// ErrFutureRevision says that etcd has not come to a revision yet.
var ErrFutureRevision = errors.New("revision is not reached yet")

// ErrRestored says that the store was restored from a backup, and that a
// revision which was seen before is not in its history any more.
var ErrRestored = errors.New("the store was restored from a backup, and has another history now")

// Event is what one revision did to the policy.
type Event struct {
	Revision int64
	Mark     string // of the write, see Batch
	Changes  []ObjectChange
}

// ObjectChange is an object before and after a revision; nil is absent.
type ObjectChange struct {
	Key           secgroup.Key
	Before, After secgroup.Object
	// Unreadable is why one of them is missing although it was there.
	Unreadable error
}

// History hands on what changed after a revision, read from etcd: one call of
// each for every revision, in order, none missing and none twice, and going on
// as more changes come, until ctx ends or each fails. started is called first,
// once it is sure that the history is whole from there on. With the mark of the
// write at since it is also sure that this is the history that since is of.
//
// It is ErrCompacted if etcd has dropped changes since, ErrRestored if since is
// of another history, or may be since it was lost and no mark is given, or the
// store gets another one, and ErrUnavailable if it is
// lost on the way; whoever remembers the last revision and its mark can go on
// from there.
func (s *Store) History(ctx context.Context, since int64, mark string, started func() error, each func(Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.link.Ctx, cancel)()
	c := s.cache()
	if err := c.ready(ctx); err != nil {
		return s.link.Failed("history", err)
	}
	h := c.epoch()
	go func() {
		select {
		case <-ctx.Done():
		case <-h.ended:
			cancel()
		}
	}()
	err := s.inThePast(ctx, since, mark, h)
	if err == nil {
		err = s.tell(ctx, since, started, func(e Event) error {
			// The cache knows whether it is an event of this history.
			if err := c.reach(ctx, Write{Revision: e.Revision, Mark: e.Mark}); err != nil {
				return s.link.Failed("history", err)
			}
			return each(e)
		})
	}
	select {
	case <-h.ended:
		return &OpError{Op: "history", Kind: ErrRestored}
	default:
		return err
	}
}

// tell is History without a look at which history it is.
func (s *Store) tell(ctx context.Context, since int64, started func() error, each func(Event) error) error {
	from, begun := since+1, false
	once := func() error {
		if begun {
			return nil
		}
		begun = true
		return started()
	}
	for {
		compacted, err := s.replay(ctx, from, once, each)
		if compacted == 0 {
			return err
		}
		// Compaction drops revisions of hosts' reports too. Nothing is missing
		// if the policy stood still from since to there.
		r, err := s.get(ctx, s.link.Keys.Head(), clientv3.WithRev(compacted))
		switch {
		case errors.Is(err, rpctypes.ErrCompacted): // further meanwhile
		case err != nil:
			return s.link.Failed("history", err)
		case len(r.Kvs) == 0 || r.Kvs[0].ModRevision > since:
			return &OpError{Op: "history", Kind: ErrCompacted, Err: fmt.Errorf("up to %d, asked from %d", compacted, since)}
		default:
			from = compacted + 1
		}
	}
}

// inThePast refuses a revision that etcd has not come to, and one of another
// history as far as that can be told.
func (s *Store) inThePast(ctx context.Context, rev int64, mark string, h epoch) error {
	r, err := s.get(ctx, s.link.Keys.Head())
	if err != nil {
		return s.link.Failed("history", err)
	}
	if rev > r.Header.Revision {
		return &OpError{Op: "history", Kind: ErrFutureRevision, Err: fmt.Errorf("%d, now is %d", rev, r.Header.Revision)}
	}
	if mark == "" {
		mark = h.lost.MarkAt(rev)
	}
	if mark == "" {
		return s.Unambiguous(ctx, rev)
	}
	r, err = s.get(ctx, s.link.Keys.Head(), clientv3.WithRev(rev))
	switch {
	case errors.Is(err, rpctypes.ErrCompacted): // replay finds out as well
	case err != nil:
		return s.link.Failed("history", err)
	case len(r.Kvs) == 0 || record.MarkOf(r.Kvs[0]) != mark:
		return &OpError{Op: "history", Kind: ErrRestored, Err: fmt.Errorf("revision %d was of another one", rev)}
	}
	return nil
}

// replay watches from a revision on. It returns the revision up to which etcd
// has compacted, if that is why it could not begin.
func (s *Store) replay(ctx context.Context, from int64, started func() error, each func(Event) error) (compacted int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// etcd tells of a compaction right after the watch is made, so that its
	// making proves nothing: a look at the revision does.
	if _, err := s.get(ctx, s.link.Keys.Head(), clientv3.WithRev(max(from-1, 1))); err == nil {
		if err := started(); err != nil {
			return 0, err
		}
	} else if errors.Is(err, rpctypes.ErrFutureRev) {
		return 0, &OpError{Op: "history", Kind: ErrRestored, Err: err}
	} else if !errors.Is(err, rpctypes.ErrCompacted) {
		return 0, s.link.Failed("history", err)
	}
	watch := s.link.Client.Watch(clientv3.WithRequireLeader(ctx), s.link.Keys.Policy(), clientv3.WithPrefix(), clientv3.WithPrevKV(), clientv3.WithRev(from))
	for r := range watch {
		if r.CompactRevision > 0 {
			return r.CompactRevision, nil
		}
		switch err := r.Err(); {
		case errors.Is(err, rpctypes.ErrFutureRev):
			return 0, &OpError{Op: "history", Kind: ErrRestored, Err: err}
		case err != nil:
			return 0, s.link.Failed("history", err)
		}
		for events := r.Events; len(events) > 0; {
			rev, n := events[0].Kv.ModRevision, 1
			for n < len(events) && events[n].Kv.ModRevision == rev {
				n++
			}
			if err := each(eventOf(s.link.Keys, rev, events[:n])); err != nil {
				return 0, err
			}
			events = events[n:]
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, s.link.Failed("history", err)
	}
	return 0, s.link.Failed("history", errors.New("watch ended"))
}

// eventOf decodes the events of one revision.
func eventOf(l record.Layout, rev int64, events []*clientv3.Event) Event {
	out := Event{Revision: rev}
	for _, e := range events {
		if string(e.Kv.Key) == l.Head() {
			out.Mark = record.MarkOf(e.Kv)
			continue
		}
		k, err := l.Parse(string(e.Kv.Key))
		if err != nil {
			continue // a kind of object that this version does not know
		}
		c := ObjectChange{Key: k}
		for _, side := range []struct {
			to *secgroup.Object
			kv *mvccpb.KeyValue
		}{{&c.Before, e.PrevKv}, {&c.After, e.Kv}} {
			if side.kv == nil || side.kv == e.Kv && e.Type == clientv3.EventTypeDelete {
				continue
			}
			if *side.to, _, err = record.DecodeObject(k, side.kv.ModRevision, side.kv.Value); err != nil {
				c.Unreadable = &RecordError{Key: string(e.Kv.Key), Err: err}
			}
		}
		out.Changes = append(out.Changes, c)
	}
	return out
}
