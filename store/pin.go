package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// Pin keeps the level of a cluster from rising above what it was: as long as it
// is there, nothing is written that the former version cannot read, and everything
// may be rolled back to it. In the store it is a member of the cluster that
// understands no more: versions that do not know of pins take it for an API, and
// keep to it all the same.
type Pin struct {
	Level Level
	By    string    // whose token it was
	Since time.Time // by the API's clock
}

// ErrNotTheLevel says that a level was to be kept that the cluster does not have.
var ErrNotTheLevel = errors.New("the cluster is at another level")

// PinLevel keeps the level where it is until UnpinLevel. It is an ErrNotTheLevel
// if the cluster has another one; a pin that is there already stays as it is, and
// the notes are written only with a new one.
func (s *Store) PinLevel(ctx context.Context, pin Pin, notes ...NoteWrite) error {
	const op = "pin level"
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	b := s.memberBoard()
	if !b.isLoaded() {
		return &OpError{Op: op, Kind: ErrUnavailable, Err: errMembersUnknown}
	}
	value, err := record.Marshal(record.MemberToRecord(ClusterMember{Reads: pin.Level, Version: "held", Machine: pin.By, Since: pin.Since}))
	if err != nil {
		return &OpError{Op: op, Err: err}
	}
	t, err := s.write(ctx, &draft{notes: notes})
	if err != nil {
		return s.link.Failed(op, err)
	}
	for {
		now, rev, _, changed := b.state()
		if now = max(now, LevelFirst); now != pin.Level {
			return &OpError{Op: op, Kind: ErrNotTheLevel, Err: fmt.Errorf("it is at %d, and not at %d", now, pin.Level)}
		}
		if p := b.pinned(); p != nil && p.Level == pin.Level {
			return nil
		}
		r, err := s.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(s.link.Keys.Level()), "=", rev)).
			Then(append(t.ops, clientv3.OpPut(s.link.Keys.Pin(), value))...).Commit()
		switch {
		case err != nil:
			return s.link.Failed(op, err)
		case r.Succeeded:
			return s.seesMembers(ctx, r.Header.Revision)
		}
		select { // the level has changed, and this process has not seen it yet
		case <-ctx.Done():
			return s.link.Failed(op, ctx.Err())
		case <-changed:
		}
	}
}

// UnpinLevel lets the level follow the members again. It is no error if there is
// no pin; the notes are written only if there was one.
func (s *Store) UnpinLevel(ctx context.Context, notes ...NoteWrite) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	t, err := s.write(ctx, &draft{notes: notes})
	if err != nil {
		return s.link.Failed("unpin level", err)
	}
	r, err := s.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(s.link.Keys.Pin()), ">", 0)).
		Then(append(t.ops, clientv3.OpDelete(s.link.Keys.Pin()))...).Commit()
	if err != nil {
		return s.link.Failed("unpin level", err)
	}
	if !r.Succeeded {
		return nil
	}
	return s.seesMembers(ctx, r.Header.Revision)
}

// seesMembers waits until this process has seen a write of a member's, so that it
// tells of it when somebody asks.
func (s *Store) seesMembers(ctx context.Context, rev int64) error {
	for {
		_, _, _, changed := s.memberBoard().state()
		if s.memberBoard().revision() >= rev {
			return nil
		}
		select {
		case <-ctx.Done():
			return s.link.Failed("members", ctx.Err())
		case <-changed:
		}
	}
}

// pinned is the pin, nil if there is none.
func (b *memberBoard) pinned() *Pin {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pin
}

func (b *memberBoard) takePin(kv *mvccpb.KeyValue) {
	b.pin = nil
	if kv.Value == nil {
		return
	}
	var r record.MemberRecord
	if err := record.Unmarshal(kv.Value, &r); err != nil {
		b.warn(&RecordError{Key: string(kv.Key), Err: err})
		r = record.MemberRecord{Reads: LevelFirst}
	}
	m := r.Member(MemberAPI, "")
	b.pin = &Pin{Level: m.Reads, By: m.Machine, Since: m.Since}
}
