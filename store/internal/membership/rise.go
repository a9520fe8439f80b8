package membership

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// AwaitRise waits, for up to Config.RequestTimeout, while a write is refused only because this
// process has not seen yet that the level is what it needs, or because it is about to rise: a
// cluster that was just begun, that a host has just come to, or whose last holdout has just gone,
// would refuse what it takes a moment later. Who holds it back is asked of etcd, since what is
// followed may be behind, and reports of hosts are followed apart from what these understand. It
// returns why the write is refused all the same, or nil: it is to be tried again.
func (m *Members) AwaitRise(ctx context.Context, needs record.Level) error {
	ctx, cancel := context.WithTimeout(ctx, m.link.Config.RequestTimeout)
	defer cancel()
	for {
		hosts := m.hosts().Changed
		seen := m.View()
		_, refusal := m.Permit(needs)
		level, refused := errors.AsType[*LevelError](refusal)
		if !refused {
			return refusal
		}
		if held, err := m.isHeld(ctx, level); err != nil {
			return m.link.Failed("update", err)
		} else if held {
			return refusal
		}
		select {
		case m.wanted <- struct{}{}:
		default: // it is asked for already
		}
		select {
		case <-ctx.Done():
			return refusal
		case <-m.link.Ctx.Done():
			return m.link.Failed("update", m.link.Ctx.Err())
		case <-hosts:
		case <-seen.Changed:
		}
	}
}

// isHeld asks etcd whether something of what a write was refused for still holds the level, or
// nobody is there to raise it. It asks of as many holdouts as fit into a transaction: one that
// holds the level is enough.
func (m *Members) isHeld(ctx context.Context, e *LevelError) (bool, error) {
	keys := m.link.Keys
	ops := []clientv3.Op{clientv3.OpGet(keys.Level()), clientv3.OpGet(keys.Pin()), clientv3.OpGet(keys.Head(), clientv3.WithKeysOnly()), clientv3.OpGet(keys.API(""), clientv3.WithPrefix(), clientv3.WithCountOnly())}
	const fixed, each = 4, 3
	var of []record.ClusterMember // of each further operation
	for _, h := range e.Holdouts[:min(len(e.Holdouts), max(1, (m.link.Config.MaxTxnOps-fixed)/each))] {
		about := []string{keys.API(h.ID)}
		if h.Kind == record.MemberHost {
			about = []string{keys.Member(h.ID), keys.Seat(h.ID), keys.Host(h.ID)}
		}
		for _, key := range about {
			ops, of = append(ops, clientv3.OpGet(key)), append(of, h)
		}
	}
	r, err := m.link.Client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return false, err
	}
	found := func(i int) []*mvccpb.KeyValue { return r.Responses[i].GetResponseRange().Kvs }
	now := newBoard(m.link)
	for i := range 2 {
		for _, kv := range found(i) {
			now.read(kv)
		}
	}
	var reports []record.HostStatus
	for i, h := range of {
		for _, kv := range found(fixed + i) {
			if string(kv.Key) != keys.Host(h.ID) {
				now.read(kv)
				continue
			}
			report, err := record.DecodeHost(h.ID, kv.Value)
			if err != nil {
				return true, nil //nolint:nilerr // whoever wrote it understands other things
			}
			reports = append(reports, report)
		}
	}
	v := now.view()
	members, _ := withHosts(v.Members, reports)
	for _, member := range members {
		if member.Reads < e.Needs {
			return true, nil
		}
	}
	ofBefore := v.Level == 0 && len(found(2)) > 0 // somebody must say that nobody else writes it
	nobody := !m.keeps.Load() && r.Responses[3].GetResponseRange().Count == 0
	return ofBefore || nobody || v.Pin != nil && v.Pin.Level < e.Needs, nil
}
