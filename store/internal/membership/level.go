package membership

import (
	"context"
	"errors"
	"fmt"

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
	Adopted      bool                   // the level follows the members; if not, nobody has said that all are known
	Holdouts     []record.ClusterMember // who holds the cluster back
	Pin          *Pin                   // that does; nil: none
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
	e := &LevelError{Needs: needs, Level: c.Level, Adopted: c.Adopted}
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
