package store

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/membership"
)

// Cluster is what the members of a cluster understand together.
type Cluster = membership.Cluster

// Pin keeps the level of a cluster from rising.
type Pin = membership.Pin

// LevelError is the cause of an ErrLevel.
type LevelError = membership.LevelError

// What the cluster's level stands in the way of, as package membership says.
var (
	ErrLevel       = membership.ErrLevel
	ErrNotTheLevel = membership.ErrNotTheLevel
)

// startMembers has the members of the cluster followed when they are first asked for.
func (s *Store) startMembers() *membership.Members {
	return membership.New(s.link, func() (h membership.Hosts) {
		b := s.hosts()
		h.Changed, h.Seen = b.Changed(), b.Seen() // before what they say is at least of then
		h.Reports, h.Loaded = b.All()
		return h
	})
}

// Cluster returns what this process has seen last of its cluster.
func (s *Store) Cluster() Cluster { return s.members.Cluster() }

// Join makes this process a member of the cluster, as an API of the given id
// and version, until the store is closed: it says what it understands, and
// keeps the cluster's level. It returns at once, whether or not etcd is there.
func (s *Store) Join(self ClusterMember) {
	s.members.Join(self)
	s.link.Spawn(s.watchAlarms)
}

// PinLevel keeps the level where it is until UnpinLevel. It is an ErrNotTheLevel
// if the cluster has another one; a pin that is there already stays as it is, and
// the notes are written only with a new one.
func (s *Store) PinLevel(ctx context.Context, pin Pin, notes ...NoteWrite) error {
	return s.withNotes(ctx, "pin level", notes, func(ctx context.Context, also []clientv3.Op) error { return s.members.SetPin(ctx, pin, also) })
}

// UnpinLevel lets the level follow the members again. It is no error if there is
// no pin; the notes are written only if there was one.
func (s *Store) UnpinLevel(ctx context.Context, notes ...NoteWrite) error {
	return s.withNotes(ctx, "unpin level", notes, s.members.RemovePin)
}

// AdoptCluster says that no API from before there were levels runs any more,
// and that none will: from now on the level follows the members. The notes are
// written only if that was not said before.
func (s *Store) AdoptCluster(ctx context.Context, notes ...NoteWrite) error {
	return s.withNotes(ctx, "adopt cluster", notes, s.members.Adopt)
}

// withNotes gives what writes notes to do, which is to write them in its transaction.
func (s *Store) withNotes(ctx context.Context, op string, notes []NoteWrite, do func(context.Context, []clientv3.Op) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	t, err := s.transaction(ctx, &draft{notes: notes})
	if err != nil {
		return s.link.Failed(op, err)
	}
	return do(ctx, t.ops)
}

// permit refuses a draft that needs a higher level than the cluster's, and
// makes the others rest on the level that they need.
func (s *Store) permit(d *draft) error {
	if d.needs <= LevelFirst {
		return nil
	}
	rev, err := s.members.Permit(d.needs)
	if err == nil {
		d.txn.must = append(d.txn.must, guard{s.link.Keys.Level(), exactly, rev})
	}
	return err
}
