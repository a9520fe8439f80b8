package membership

import (
	"cmp"
	"context"
	"errors"
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
		_, _, hosts := m.hosts()
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
// with the hosts that report now. It is raised only if nobody joined since they were
// looked at, and lowered for a host that says nothing only if it has said nothing
// since: a controller that starts again writes its report and what it understands in
// one transaction, of which the report may be seen first.
func (m *Members) Adjust(ctx context.Context, v View) error {
	reports, hostsLoaded, _ := m.hosts()
	if !hostsLoaded || v.Seen == 0 {
		return ErrUnknown
	}
	members, inferred := withHosts(v.Members, reports)
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
			clientv3.Compare(clientv3.CreateRevision(keys.Hosts()).WithPrefix(), "<", v.Seen+1))
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

// AwaitRise waits, for up to Config.RequestTimeout, while a refused write fails only
// because the level has not been seen to rise yet to what all members understand: a
// cluster that was just begun, or whose last holdout has just gone, would refuse what it
// takes a moment later. It reports whether the write is to be tried again.
func (m *Members) AwaitRise(ctx context.Context, e *LevelError) bool {
	if e.isHeld() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, m.link.Config.RequestTimeout)
	defer cancel()
	keys := m.link.Keys
	old, err := m.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(keys.Level()), "=", 0),
		clientv3.Compare(clientv3.CreateRevision(keys.Head()), ">", 0)).Commit()
	if err != nil || old.Succeeded { // a store of before, which somebody must say is nobody else's
		return false
	}
	for {
		_, _, hosts := m.hosts()
		v := m.View()
		var still *LevelError
		if _, err := m.Permit(e.Needs); !errors.As(err, &still) || still.isHeld() {
			return err == nil
		}
		select {
		case m.wanted <- struct{}{}:
		default: // it is asked for already
		}
		select {
		case <-ctx.Done():
			return false
		case <-hosts:
		case <-v.Changed:
		}
	}
}
