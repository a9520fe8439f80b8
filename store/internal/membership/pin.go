package membership

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Pin keeps the level of a cluster from rising above what it was: as long as it
// is there, nothing is written that the former version cannot read, and everything
// may be rolled back to it. In the store it is a member of the cluster that
// understands no more: versions that do not know of pins take it for an API, and
// keep to it all the same.
type Pin struct {
	Level record.Level
	By    string    // whose token it was
	Since time.Time // by the API's clock
}

// ErrNotTheLevel says that a level was to be kept that the cluster does not have.
var ErrNotTheLevel = errors.New("the cluster is at another level")

// SetPin keeps the level where it is until RemovePin. It is an ErrNotTheLevel if the
// cluster has another one; a pin that is there already stays as it is. What is also
// to be written is so in the same transaction, with a new pin only.
func (m *Members) SetPin(ctx context.Context, pin Pin, also []clientv3.Op) error {
	const op = "pin level"
	if !m.board().isLoaded() {
		return &link.OpError{Op: op, Kind: link.ErrUnavailable, Err: ErrUnknown}
	}
	value, err := record.Marshal(record.MemberToRecord(record.ClusterMember{Reads: pin.Level, Version: "held", Machine: pin.By, Since: pin.Since}))
	if err != nil {
		return &link.OpError{Op: op, Err: err}
	}
	for {
		v := m.View()
		if now := max(v.Level, record.LevelFirst); now != pin.Level {
			return &link.OpError{Op: op, Kind: ErrNotTheLevel, Err: fmt.Errorf("it is at %d, and not at %d", now, pin.Level)}
		}
		if v.Pin != nil && v.Pin.Level == pin.Level {
			return nil
		}
		r, err := m.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(m.link.Keys.Level()), "=", v.LevelRev)).
			Then(append(also, clientv3.OpPut(m.link.Keys.Pin(), value))...).Commit()
		switch {
		case err != nil:
			return m.link.Failed(op, err)
		case r.Succeeded:
			return m.awaitSeen(ctx, r.Header.Revision)
		}
		select { // the level has changed, and this process has not seen it yet
		case <-ctx.Done():
			return m.link.Failed(op, ctx.Err())
		case <-v.Changed:
		}
	}
}

// RemovePin lets the level follow the members again. It is no error if there is no
// pin; what is also to be written is so only if there was one.
func (m *Members) RemovePin(ctx context.Context, also []clientv3.Op) error {
	r, err := m.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(m.link.Keys.Pin()), ">", 0)).
		Then(append(also, clientv3.OpDelete(m.link.Keys.Pin()))...).Commit()
	if err != nil {
		return m.link.Failed("unpin level", err)
	}
	if !r.Succeeded {
		return nil
	}
	return m.awaitSeen(ctx, r.Header.Revision)
}

// awaitSeen waits until this process has seen a write of a member's, so that it
// tells of it when somebody asks.
func (m *Members) awaitSeen(ctx context.Context, rev int64) error {
	for {
		v := m.View()
		if v.Seen >= rev {
			return nil
		}
		select {
		case <-ctx.Done():
			return m.link.Failed("members", ctx.Err())
		case <-v.Changed:
		}
	}
}
