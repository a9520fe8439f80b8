package membership

import (
	"cmp"
	"context"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// How often the level is looked at: although nothing happened, and at most.
const (
	levelPeriod = 10 * time.Second
	levelPace   = 200 * time.Millisecond
)

// keepLevel brings the cluster's level to what its members understand.
func (m *Members) keepLevel() {
	for m.link.Ctx.Err() == nil {
		hosts := m.hosts().Changed
		v := m.View()
		if err := m.Adjust(m.link.Ctx, v); err != nil && m.link.Ctx.Err() == nil {
			m.link.Config.Logger.Debug("level of the cluster not adjusted; trying again", "error", err)
		}
		select {
		case <-m.link.Ctx.Done():
		case <-m.wanted:
		case <-time.After(levelPace):
		}
		select {
		case <-m.link.Ctx.Done():
		case <-hosts:
		case <-v.Changed:
		case <-m.wanted:
		case <-time.After(levelPeriod):
		}
	}
}

// Adjust writes the level if it is another one than that of the members in a view,
// with the hosts that report now. Members and hosts are followed apart. The level is
// raised only if no member and no host came since they were looked at, and lowered for
// a host that says nothing only if it has said nothing since: a controller that starts
// again writes its report and what it understands in one transaction, of which the
// report may be seen first.
func (m *Members) Adjust(ctx context.Context, v View) error {
	hosts := m.hosts()
	if !hosts.Loaded || v.Seen == 0 {
		return ErrUnknown
	}
	members, inferred := withHosts(v.Members, hosts.Reports)
	if len(members) == 0 {
		return nil
	}
	least := slices.MinFunc(members, func(a, b record.ClusterMember) int {
		silent := func(m record.ClusterMember) int { // who says so comes first: that is certain
			if m.Kind == record.MemberHost && inferred[m.ID] {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.Reads, b.Reads), cmp.Compare(silent(a), silent(b)))
	})
	want := least.Reads
	pinned := v.Pin != nil && v.Pin.Level < want
	if pinned {
		want = v.Pin.Level
	}
	if want == v.Level {
		return nil
	}
	keys := m.link.Keys
	conditions := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(keys.Level()), "=", v.LevelRev)}
	switch {
	case v.Level == 0: // only a store that nobody has written yet
		want = record.LevelFirst
		conditions = append(conditions, clientv3.Compare(clientv3.CreateRevision(keys.Head()), "=", 0))
	case want > v.Level:
		conditions = append(conditions,
			clientv3.Compare(clientv3.ModRevision(keys.Members()).WithPrefix(), "<", v.Seen+1),
			clientv3.Compare(clientv3.CreateRevision(keys.Hosts()).WithPrefix(), "<", hosts.Seen+1))
	case !pinned && least.Kind == record.MemberHost && inferred[least.ID]:
		conditions = append(conditions,
			clientv3.Compare(clientv3.CreateRevision(keys.Seat(least.ID)), "=", 0),
			clientv3.Compare(clientv3.ModRevision(keys.Member(least.ID)), "<", v.Seen+1))
	}
	ctx, cancel := context.WithTimeout(ctx, m.link.Config.RequestTimeout)
	defer cancel()
	value, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: want})
	if err != nil {
		return err
	}
	r, err := m.link.Client.Txn(ctx).If(conditions...).Then(clientv3.OpPut(keys.Level(), value)).Commit()
	if err == nil && r.Succeeded {
		m.link.Config.Logger.Info("level of the cluster", "was", v.Level, "is", want)
	}
	return err
}
