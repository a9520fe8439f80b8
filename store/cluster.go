package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	Needs, Level Level
	Holdouts     []ClusterMember // who holds the cluster back
	Pin          *Pin            // that does; nil: none. Neither: nobody has said that all are known
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

// Cluster is what the members of a cluster understand together.
//
// The level is kept in the store. An API that has joined raises it when every
// host and every API understands more, and lowers it as soon as one that does
// not comes along: that one takes what it cannot read for unreadable. A store
// from before there were levels has none: APIs of that time do not say that
// they are there, so somebody must say that they are gone (AdoptCluster).
type Cluster struct {
	Level   Level // up to which records may be written
	Adopted bool  // the level follows the members
	Pin     *Pin  // that keeps the level from rising; nil: none
	// Members are the known ones, APIs first, each kind sorted by id. Hosts that
	// are away are among them until they are forgotten.
	Members []ClusterMember
}

// Cluster returns what this process has seen last of its cluster.
func (s *Store) Cluster() Cluster {
	level, _, members, _ := s.memberBoard().state()
	members, _ = s.withHosts(members)
	return Cluster{Level: max(level, LevelFirst), Adopted: level > 0, Pin: s.memberBoard().pinned(), Members: members}
}

// withHosts adds the hosts that report and say nothing of what they understand.
// Inferred are those of which that is concluded from their silence: what they say
// may be about to be seen, since reports are followed apart from members.
func (s *Store) withHosts(members []ClusterMember) (all []ClusterMember, inferred map[string]bool) {
	all, inferred = slices.Clone(members), map[string]bool{}
	at := map[string]int{}
	for i, m := range members {
		if m.Kind == MemberHost {
			at[m.ID] = i
		}
	}
	for _, h := range s.Hosts() {
		i, said := at[h.Host]
		switch {
		case said && !members[i].Seated && record.StampOf(members[i].Since) != record.StampOf(h.Started):
			// Another process reports now, which took no seat: it was rolled back.
			all[i].Reads, all[i].Version, all[i].Since = LevelFirst, h.Version, h.Started
			inferred[h.Host] = true
		case !said:
			inferred[h.Host] = true
			all = append(all, ClusterMember{Kind: MemberHost, ID: h.Host, Reads: LevelFirst, Version: h.Version, Since: h.Started})
		}
	}
	slices.SortFunc(all, func(a, b ClusterMember) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID)) })
	return all, inferred
}

// errMembersUnknown says that the members of the cluster were not read yet.
var errMembersUnknown = errors.New("the members of the cluster are not known yet")

// permit refuses a draft that needs a higher level than the cluster's, and
// makes the others rest on the level that they need.
func (s *Store) permit(d *draft) error {
	if d == nil || d.needs <= LevelFirst {
		return nil
	}
	if !s.memberBoard().isLoaded() {
		return &OpError{Op: "update", Kind: ErrUnavailable, Err: errMembersUnknown}
	}
	_, rev, _, _ := s.memberBoard().state()
	if c := s.Cluster(); d.needs > c.Level {
		e := &LevelError{Needs: d.needs, Level: c.Level}
		for _, m := range c.Members {
			if m.Reads < d.needs {
				e.Holdouts = append(e.Holdouts, m)
			}
		}
		if c.Pin != nil && c.Pin.Level < d.needs {
			e.Pin = c.Pin
		}
		return &OpError{Op: "update", Kind: ErrLevel, Err: e}
	}
	d.must = append(d.must, guard{s.link.Keys.Level(), exactly, rev})
	return nil
}

// Join makes this process a member of the cluster, as an API of the given id
// and version, until the store is closed: it says what it understands, and
// keeps the cluster's level. It returns at once, whether or not etcd is there.
func (s *Store) Join(self ClusterMember) {
	self.Kind, self.Since = MemberAPI, time.Now()
	self.Reads = cmp.Or(self.Reads, LevelNow)
	s.link.Spawn(func() { s.stayMember(self) })
	s.link.Spawn(s.keepLevel)
	s.link.Spawn(s.watchAlarms)
}

// stayMember keeps the key of an API for as long as the store is open.
func (s *Store) stayMember(self ClusterMember) {
	value, err := record.Marshal(record.MemberToRecord(self))
	if err != nil {
		s.link.Config.Logger.Error("cluster not joined", "error", err)
		return
	}
	for s.link.Ctx.Err() == nil {
		err := s.whileLeased(s.link.Ctx, func(ctx context.Context, lease clientv3.LeaseID) error {
			_, err := s.link.Client.Put(ctx, s.link.Keys.API(self.ID), value, clientv3.WithLease(lease))
			return err
		})
		if s.link.Ctx.Err() == nil {
			s.link.Config.Logger.Warn("membership of the cluster interrupted", "error", err)
		}
		s.link.Idle(link.RetryDelayMax)
	}
}

// whileLeased gives a lease to made and keeps it alive until ctx ends or it is
// lost; it is revoked at the end, so that others need not wait.
func (s *Store) whileLeased(ctx context.Context, made func(context.Context, clientv3.LeaseID) error) error {
	ask, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	lease, err := s.link.Client.Grant(ask, int64(s.link.Config.MemberTTL/time.Second))
	if err != nil {
		return err
	}
	defer func() { //nolint:contextcheck // it is revoked because ctx ended
		end, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = s.link.Client.Revoke(end, lease.ID) // or it runs out
	}()
	alive, err := s.link.Client.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	if err := made(ask, lease.ID); err != nil {
		return err
	}
	for range alive {
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.New("the lease is lost")
}

// How often the level is looked at: although nothing happened, and at most.
const (
	levelPeriod = 10 * time.Second
	levelPace   = 200 * time.Millisecond
)

// keepLevel brings the cluster's level to what its members understand.
func (s *Store) keepLevel() {
	for s.link.Ctx.Err() == nil {
		hosts := s.hosts().pulse.Next()
		_, _, _, changed := s.memberBoard().state()
		if err := s.adjustLevel(s.link.Ctx); err != nil && s.link.Ctx.Err() == nil {
			s.link.Config.Logger.Debug("level of the cluster not adjusted; trying again", "error", err)
		}
		s.link.Idle(levelPace)
		select {
		case <-s.link.Ctx.Done():
		case <-hosts:
		case <-changed:
		case <-time.After(levelPeriod):
		}
	}
}

// adjustLevel writes the level if it is another one than the members'. It is
// raised only if nobody joined since they were looked at, and lowered for a host
// that says nothing only if it has said nothing since: a controller that starts
// again writes its report and what it understands in one transaction, of which the
// report may be seen first.
func (s *Store) adjustLevel(ctx context.Context) error {
	_, hostsLoaded := s.hosts().state()
	seen := s.memberBoard().revision() // first: what comes between is in what follows
	level, rev, members, _ := s.memberBoard().state()
	if !hostsLoaded || seen == 0 {
		return errMembersUnknown
	}
	members, inferred := s.withHosts(members)
	if len(members) == 0 {
		return nil
	}
	least := slices.MinFunc(members, func(a, b ClusterMember) int {
		silent := func(m ClusterMember) int { // who says so comes first: that is certain
			if m.Kind == MemberHost && inferred[m.ID] {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.Reads, b.Reads), cmp.Compare(silent(a), silent(b)))
	})
	want, pin := least.Reads, s.memberBoard().pinned()
	pinned := pin != nil && pin.Level < want
	if pinned {
		want = pin.Level
	}
	if want == level {
		return nil
	}
	conditions := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(s.link.Keys.Level()), "=", rev)}
	switch {
	case level == 0: // only a store that nobody has written yet
		want = LevelFirst
		conditions = append(conditions, clientv3.Compare(clientv3.CreateRevision(s.link.Keys.Head()), "=", 0))
	case want > level:
		conditions = append(conditions,
			clientv3.Compare(clientv3.ModRevision(s.link.Keys.Members()).WithPrefix(), "<", seen+1),
			clientv3.Compare(clientv3.CreateRevision(s.link.Keys.Hosts()).WithPrefix(), "<", seen+1))
	case !pinned && least.Kind == MemberHost && inferred[least.ID]:
		conditions = append(conditions,
			clientv3.Compare(clientv3.CreateRevision(s.link.Keys.Seat(least.ID)), "=", 0),
			clientv3.Compare(clientv3.ModRevision(s.link.Keys.Member(least.ID)), "<", seen+1))
	}
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	value, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: want})
	if err != nil {
		return err
	}
	r, err := s.link.Client.Txn(ctx).If(conditions...).Then(clientv3.OpPut(s.link.Keys.Level(), value)).Commit()
	if err == nil && r.Succeeded {
		s.link.Config.Logger.Info("level of the cluster", "was", level, "is", want)
	}
	return err
}

// AdoptCluster says that no API from before there were levels runs any more,
// and that none will: from now on the level follows the members. The notes are
// written only if that was not said before.
func (s *Store) AdoptCluster(ctx context.Context, notes ...NoteWrite) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	value, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: LevelFirst})
	if err != nil {
		return &OpError{Op: "adopt cluster", Err: err}
	}
	t, err := s.write(ctx, &draft{notes: notes})
	if err != nil {
		return s.link.Failed("adopt cluster", err)
	}
	_, err = s.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(s.link.Keys.Level()), "=", 0)).
		Then(append(t.ops, clientv3.OpPut(s.link.Keys.Level(), value))...).Commit()
	if err != nil {
		return s.link.Failed("adopt cluster", err)
	}
	return nil
}
