package controller

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

// lister is what listing connections takes.
type lister interface {
	DumpConntrack(ctx context.Context, zone uint16) ([]unixctl.Conn, error)
	DumpAllConntrack(ctx context.Context) ([]unixctl.Conn, error)
}

// list reads the connections of zones, and maybe of others. The error is about
// lines that make no sense if it is a *unixctl.DumpError.
func list(ctx context.Context, l lister, zones []uint16) (conns []unixctl.Conn, err error) {
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
func (s *sweeper) pass(ctx context.Context, j job, w sweep) (int, error) {
	start := time.Now()
	zones := s.zonesOf(j, w)
	if len(zones) == 0 {
		return 0, nil
	}
	conns, err := list(ctx, s.ctl(), zones)
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
		if nic := j.nics.nic(c.Zone); nic != "" && ofrules.IsCut(c.Labels) {
			s.tombs.keep(nic, c, now)
		}
	}
	s.sawPickedUp(pickedUp, w.loss.All, time.Since(start))
	return len(cut), s.cut(ctx, j, cut)
}

// zonesOf returns the zones whose connections a sweep is about.
func (s *sweeper) zonesOf(j job, w sweep) (zones []uint16) {
	both := s.mayHavePickedUp()
	s.view.read(func(snap *secgroup.Snapshot, pending *impact.Loss) {
		all := w.loss.Clone()
		all.Merge(s.expecting())
		all.Merge(*pending)
		zones = slices.Collect(reached(&all, snap, j.nics, both))
	})
	return zones
}

// expecting is what may be lost by what the engine installs next.
func (s *sweeper) expecting() impact.Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expected.loss.Clone()
}

// cut cuts connections and remembers them.
func (s *sweeper) cut(ctx context.Context, j job, conns []unixctl.Conn) error {
	if len(conns) == 0 {
		return nil
	}
	if err := s.send(ctx, j.conn, conns, false); err != nil {
		return err
	}
	now := time.Now()
	for _, c := range conns {
		s.tombs.keep(j.nics.nic(c.Zone), c, now)
	}
	s.metrics.cut.Add(float64(len(conns)))
	s.metrics.tombs.Set(float64(s.tombs.len()))
	s.log.Info("connections cut: nothing allows them any more", "connections", len(conns))
	return nil
}

// judge returns the connections to cut. What is about to change counts already:
// it was taken from the policy, or put into it, since the engine installed its
// last.
func (s *sweeper) judge(j job, w sweep, conns []unixctl.Conn) (cut []unixctl.Conn) {
	s.view.read(func(snap *secgroup.Snapshot, pending *impact.Loss) {
		expected := s.expecting()
		for _, conn := range conns {
			nic := j.nics.nic(conn.Zone)
			if nic == "" || ofrules.IsCut(conn.Labels) {
				continue
			}
			n, c := snap.NIC(nic), openConn(conn)
			touched := n == nil || w.loss.Touches(snap, n, c) || expected.Touches(snap, n, c) || pending.Touches(snap, n, c)
			if touched && (n == nil || !impact.Allowed(snap, n, c)) {
				cut = append(cut, rightWayRound(snap, n, conn))
			}
		}
	})
	return cut
}
