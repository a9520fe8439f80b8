package store

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// resolve finds out whether a draft was committed, after an error that leaves
// it open: it was made, and head is its write, or it was not, and head is the
// latest write. A look at etcd would not do, since the transaction may still be
// on its way. So resolve first writes the draft's fence, the guard that the
// transaction needs unmoved and moves itself. If that works, the transaction
// was not made and cannot be made any more; if not, the draft is among the
// versions of the head since it was planned, or will never be.
//
// It is bounded by Config.RequestTimeout and by the store, not by a context
// of the caller, which may have ended: that may be why the outcome is open.
//
//nolint:contextcheck // the caller's may have ended, as it says
func (s *Store) resolve(d *draft) (made bool, head Write, err error) {
	ctx, cancel := context.WithTimeout(s.link.Ctx, s.link.Config.RequestTimeout)
	defer cancel()
	for {
		made, head, err = s.tryResolve(ctx, d)
		if err == nil || link.Refused(err) {
			return made, head, err
		}
		if s.reconnect(ctx); ctx.Err() != nil {
			return false, head, err
		}
	}
}

// tryResolve is one attempt of resolve. After an error the outcome is as open as before.
func (s *Store) tryResolve(ctx context.Context, d *draft) (made bool, head Write, err error) {
	mark, err := record.NewMark()
	if err != nil {
		return false, head, err
	}
	r, err := s.link.Client.Txn(ctx).If(d.fence.compare()).
		// The head moves with every guard, so that no reader of the policy
		// waits for a guard's revision in vain.
		Then(clientv3.OpPut(d.fence.key, ""), clientv3.OpPut(s.link.Keys.Head(), mark)).
		Else(clientv3.OpGet(s.link.Keys.Head())).Commit()
	if err != nil {
		return false, head, err
	}
	if r.Succeeded {
		return false, record.WriteOf(&mvccpb.KeyValue{ModRevision: r.Header.Revision, Value: []byte(mark)}), nil
	}
	kvs := r.Responses[0].GetResponseRange().Kvs
	if len(kvs) > 0 {
		head = record.WriteOf(kvs[0])
	}
	for len(kvs) > 0 && kvs[0].ModRevision > d.rev {
		if string(kvs[0].Value) == d.mark {
			return true, record.WriteOf(kvs[0]), nil
		}
		older, err := s.link.Client.Get(ctx, s.link.Keys.Head(), clientv3.WithRev(kvs[0].ModRevision-1))
		if err != nil {
			return false, head, err
		}
		kvs = older.Kvs
	}
	return false, head, nil
}

// explain names the condition that a draft fails on although the policy has
// not moved since: that is no race, the keys contradict the policy.
func (s *Store) explain(ctx context.Context, d *draft) error {
	for _, g := range d.txn.guards() {
		r, err := s.link.Client.Get(ctx, g.key)
		if err != nil {
			return err
		}
		var kv *mvccpb.KeyValue
		if len(r.Kvs) > 0 {
			kv = r.Kvs[0]
		}
		if !g.holds(kv) {
			return fmt.Errorf("key %s (revision %d, value %q) contradicts the policy at revision %d", g.key, kv.GetModRevision(), kv.GetValue(), d.rev)
		}
	}
	return fmt.Errorf("conditions failed, and hold now, at revision %d", d.rev)
}
