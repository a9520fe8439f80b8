package revoke

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// zoneByZone is up to how many zones are listed one by one. The switch walks
// through all connections for each, but that is cheap against writing them down.
const zoneByZone = 16

// Lister is what listing connections takes.
type Lister interface {
	DumpConntrack(ctx context.Context, zone uint16) ([]unixctl.Conn, error)
	DumpAllConntrack(ctx context.Context) ([]unixctl.Conn, error)
}

// List reads the connections of zones, and maybe of others. The error is about
// lines that make no sense if it is a *unixctl.DumpError.
func List(ctx context.Context, l Lister, zones []uint16) (conns []unixctl.Conn, err error) {
	if len(zones) > zoneByZone {
		return l.DumpAllConntrack(ctx)
	}
	var unreadable error
	for _, zone := range zones {
		some, err := l.DumpConntrack(ctx, zone)
		var bad *unixctl.DumpError
		if err != nil && !errors.As(err, &bad) {
			return nil, err
		} else if err != nil {
			unreadable = err
		}
		conns = append(conns, some...)
	}
	return conns, unreadable
}

// pass looks once at every connection that is of concern, and returns how many
// it cut.
func (s *Sweeper) pass(ctx context.Context, j Job, w Work) (int, error) {
	start := time.Now()
	zones := s.zonesOf(j, w)
	if len(zones) == 0 {
		return 0, nil
	}
	conns, err := List(ctx, s.ctl(), zones)
	var unreadable *unixctl.DumpError
	if errors.As(err, &unreadable) {
		s.log.Error("some connections cannot be read and are not judged", "error", err)
	} else if err != nil {
		return 0, err
	}
	cut := s.judge(j, w, conns)
	now, pickedUp := time.Now(), false
	for _, c := range conns {
		pickedUp = pickedUp || ofrules.IsPickedUp(c.Labels)
		if nic := j.NICs.NIC(c.Zone); nic != "" && ofrules.IsCut(c.Labels) {
			s.tombs.keep(nic, c, now)
		}
	}
	s.sawPickedUp(pickedUp, w.Loss.All, time.Since(start))
	return len(cut), s.cut(ctx, j, cut)
}

// zonesOf returns the zones whose connections a sweep is about.
func (s *Sweeper) zonesOf(j Job, w Work) (zones []uint16) {
	both := s.mayHavePickedUp()
	s.policy.Read(func(snap *secgroup.Snapshot, pending *impact.Loss) {
		all := w.Loss.Clone()
		all.Merge(s.expecting())
		all.Merge(*pending)
		zones = slices.Collect(reached(&all, snap, j.NICs, both))
	})
	return zones
}

// expecting is what may be lost by what the engine installs next.
func (s *Sweeper) expecting() impact.Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expected.Loss.Clone()
}

// cut cuts connections and remembers them.
func (s *Sweeper) cut(ctx context.Context, j Job, conns []unixctl.Conn) error {
	if len(conns) == 0 {
		return nil
	}
	if err := s.send(ctx, j.Conn, conns, false); err != nil {
		return err
	}
	now := time.Now()
	for _, c := range conns {
		s.tombs.keep(j.NICs.NIC(c.Zone), c, now)
	}
	s.metrics.cut.Add(float64(len(conns)))
	s.metrics.tombs.Set(float64(s.tombs.len()))
	s.log.Info("connections cut: nothing allows them any more", "connections", len(conns))
	return nil
}

// judge returns the connections to cut. What is about to change counts already:
// it was taken from the policy, or put into it, since the engine installed its
// last.
func (s *Sweeper) judge(j Job, w Work, conns []unixctl.Conn) (cut []unixctl.Conn) {
	s.policy.Read(func(snap *secgroup.Snapshot, pending *impact.Loss) {
		expected := s.expecting()
		for _, conn := range conns {
			nic := j.NICs.NIC(conn.Zone)
			if nic == "" || ofrules.IsCut(conn.Labels) {
				continue
			}
			n, c := snap.NIC(nic), openConn(conn)
			touched := n == nil || w.Loss.Touches(snap, n, c) || expected.Touches(snap, n, c) || pending.Touches(snap, n, c)
			if touched && (n == nil || !impact.Allowed(snap, n, c)) {
				cut = append(cut, rightWayRound(snap, n, conn))
			}
		}
	})
	return cut
}
