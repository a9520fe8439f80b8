package revoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/ofrules"
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
// it cut. It is an *undecided error if there were some that nobody could judge: all
// others were.
func (s *Sweeper) pass(ctx context.Context, j Job, w Work) (int, error) {
	start := time.Now()
	zones := slices.Collect(w.Lost.zones(j.NICs))
	if len(zones) == 0 {
		return 0, nil
	}
	conns, err := List(ctx, s.ctl(), zones)
	if _, ok := errors.AsType[*unixctl.DumpError](err); ok {
		s.log.Error("some connections cannot be read and are not judged", "error", err)
	} else if err != nil {
		return 0, err
	}
	cut, unsure := s.judge(j, w, conns)
	now := time.Now()
	for _, c := range conns {
		if nic := j.NICs.NIC(c.Zone); nic != "" && ofrules.IsCut(c.Labels) {
			s.tombs.remember(nic, c, now)
		}
	}
	if w.Lost.All {
		s.setLookTime(time.Since(start))
	}
	if err := s.cut(ctx, j, cut); err != nil {
		return 0, err
	}
	more, err := s.judgeBoth(ctx, j, unsure)
	if err != nil {
		return len(cut), &undecided{len(unsure), err}
	}
	return len(cut) + len(more), s.cut(ctx, j, more)
}

// undecided says that connections cannot be judged, because nobody who knows their
// other ends can be asked.
type undecided struct {
	conns int
	err   error
}

func (u *undecided) Error() string {
	return fmt.Sprintf("%d that were picked up in mid-stream are not judged: the rules of their other ends are not known: %v", u.conns, u.err)
}

func (u *undecided) Unwrap() error { return u.err }

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
		s.tombs.remember(j.NICs.NIC(c.Zone), c, now)
	}
	s.metrics.cut.Add(float64(len(conns)))
	s.metrics.tombs.Set(float64(s.tombs.len()))
	s.log.Info("connections cut: nothing allows them any more", "connections", len(conns))
	return nil
}

// judge returns the connections to cut, and those that are to be judged at both
// ends. It goes by the policy of now, which may be newer than what is installed.
func (s *Sweeper) judge(j Job, w Work, conns []unixctl.Conn) (cut, unsure []unixctl.Conn) {
	s.policy.Read(func(p Known) {
		for _, conn := range conns {
			nic := j.NICs.NIC(conn.Zone)
			if nic == "" || ofrules.IsCut(conn.Labels) || !p.Knows(nic) {
				continue
			}
			n := p.NIC(nic)
			if n == nil {
				cut = append(cut, conn)
				continue
			}
			// If the other end refuses it now, that end's host looks.
			switch c := openConn(conn); {
			case !w.Lost.has(nic, p.Domain(n), c):
			case !impact.Allowed(p, n, c):
				cut = append(cut, begunByOther(p, n, conn))
			case c.Both:
				unsure = append(unsure, conn)
			}
		}
	})
	return cut, unsure
}

// judgeBoth returns those of some connections that are to be cut, by what both ends
// say.
func (s *Sweeper) judgeBoth(ctx context.Context, j Job, conns []unixctl.Conn) (cut []unixctl.Conn, err error) {
	if len(conns) == 0 {
		return nil, nil
	}
	asked := make([]impact.Open, len(conns))
	for i, c := range conns {
		asked[i] = impact.Open{NIC: j.NICs.NIC(c.Zone), Conn: openConn(c)}
	}
	allowed, err := s.both.Judge(ctx, asked)
	if err == nil && len(allowed) != len(asked) {
		err = fmt.Errorf("%d answers to %d questions", len(allowed), len(asked))
	}
	if err != nil {
		return nil, err
	}
	s.policy.Read(func(p Known) {
		for i, c := range conns {
			if !allowed[i] {
				cut = append(cut, begunByOther(p, p.NIC(asked[i].NIC), c))
			}
		}
	})
	return cut, nil
}
