package membership

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// ErrLevel says that a change needs readers of a higher level than all members
// of the cluster have. Nothing was written.
var ErrLevel = errors.New("not every host and API understands this yet")

// LevelError is the cause of an ErrLevel.
type LevelError struct {
	Needs, Level record.Level
	Holdouts     []record.ClusterMember // who holds the cluster back
	Pin          *Pin                   // that does; nil: none. Neither: nobody has said that all are known
}

func (e *LevelError) Error() string {
	text := fmt.Sprintf("it needs level %d, the cluster is at %d", e.Needs, e.Level)
	for i, m := range e.Holdouts {
		if i == 10 {
			return text + fmt.Sprintf(", and %d more", len(e.Holdouts)-i)
		}
		text += fmt.Sprintf("; %s %s reads level %d", m.Kind, m.ID, m.Reads)
	}
	if e.Pin != nil {
		text += fmt.Sprintf("; %s holds it at level %d", e.Pin.By, e.Pin.Level)
	}
	return text
}

// Permit refuses a write that needs a higher level than the cluster's, with a
// *LevelError, or while the members are not known (ErrUnknown). Of one that it
// permits it returns the revision of the level's key, on which the write must rest.
func (m *Members) Permit(needs record.Level) (levelRev int64, err error) {
	if !m.board().isLoaded() {
		return 0, &link.OpError{Op: "update", Kind: link.ErrUnavailable, Err: ErrUnknown}
	}
	rev := m.View().LevelRev
	c := m.Cluster()
	if needs <= c.Level {
		return rev, nil
	}
	e := &LevelError{Needs: needs, Level: c.Level}
	for _, member := range c.Members {
		if member.Reads < needs {
			e.Holdouts = append(e.Holdouts, member)
		}
	}
	if c.Pin != nil && c.Pin.Level < needs {
		e.Pin = c.Pin
	}
	return 0, &link.OpError{Op: "update", Kind: ErrLevel, Err: e}
}

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
		m.link.Idle(levelPace)
		select {
		case <-m.link.Ctx.Done():
		case <-hosts:
		case <-v.Changed:
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

// Adopt says that no API from before there were levels runs any more, and that none
// will: from now on the level follows the members. What is also to be written is so
// only if that was not said before.
func (m *Members) Adopt(ctx context.Context, also []clientv3.Op) error {
	value, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: record.LevelFirst})
	if err != nil {
		return &link.OpError{Op: "adopt cluster", Err: err}
	}
	_, err = m.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(m.link.Keys.Level()), "=", 0)).
		Then(append(also, clientv3.OpPut(m.link.Keys.Level(), value))...).Commit()
	if err != nil {
		return m.link.Failed("adopt cluster", err)
	}
	return nil
}
