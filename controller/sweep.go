package controller

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// Timeouts of a sweep: the longest wait for a revalidation pass, and the wait
// before a failed sweep is tried again.
const (
	revalidateTimeout = 2 * time.Second
	sweepRetry        = 200 * time.Millisecond
	nudgeEvery        = 2 * time.Millisecond
)

// sweeper judges open connections again after changes that take something away,
// and says up to which revision that is done. Established packets pass without
// a rule, so this is what makes revocation revoke.
type sweeper struct {
	log     *slog.Logger
	ctl     conntrack
	erase   func(context.Context, unixctl.Conn) error // for what ctl must not flush
	nudge   func(context.Context) error               // starts a revalidation pass
	view    *view
	done    func(rev int64)
	metrics *metrics
	wake    chan struct{}

	mu      sync.Mutex
	rev     int64 // installed
	concern concern
	zones   map[uint16]string // NIC by zone
}

// conntrack is what the sweeper needs of the switch's connection tracking.
type conntrack interface {
	DumpAllConntrack(ctx context.Context) ([]unixctl.Conn, error)
	FlushConntrack(ctx context.Context, c unixctl.Conn) error
	AwaitRevalidation(ctx context.Context) error
}

func newSweeper(c *controller) *sweeper {
	return &sweeper{
		log: c.log, ctl: c.ctl, erase: c.eraseEcho, nudge: c.nudge, view: c.view, done: c.report.applied, metrics: c.metrics,
		wake: make(chan struct{}, 1), concern: newConcern(),
	}
}

// add has the connections of concern judged; the flows of rev are installed.
func (s *sweeper) add(rev int64, why concern, zones map[uint16]string) {
	s.mu.Lock()
	s.rev, s.zones = rev, zones
	s.concern.merge(why)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// hold keeps a concern whose change could not be installed yet.
func (s *sweeper) hold(why concern) {
	s.mu.Lock()
	s.concern.merge(why)
	s.mu.Unlock()
}

func (s *sweeper) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		}
		s.mu.Lock()
		rev, why, zones := s.rev, s.concern, maps.Clone(s.zones)
		s.concern = newConcern()
		s.mu.Unlock()
		for {
			err := s.sweep(ctx, why, zones)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.log.Warn("open connections not judged again; trying again", "error", err)
			if err := pause(ctx, sweepRetry); err != nil {
				return err
			}
		}
		s.done(rev)
	}
}

// sweep cuts at once what nothing allows any more, and again when no cached
// megaflow of the time before can let it in anew.
func (s *sweeper) sweep(ctx context.Context, why concern, zones map[uint16]string) error {
	if why.empty() || len(zones) == 0 {
		return nil
	}
	start := time.Now()
	if err := s.pass(ctx, why, zones); err != nil {
		return err
	}
	if why.narrowed {
		if err := s.revalidated(ctx); err != nil {
			return err
		}
		if err := s.pass(ctx, why, zones); err != nil {
			return err
		}
	}
	s.metrics.sweeps.Observe(time.Since(start).Seconds())
	return nil
}

// revalidated returns when every cached megaflow has been held against the
// tables. Revalidators rest for up to half a second between passes, so they are
// nudged until the wait is over.
func (s *sweeper) revalidated(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, revalidateTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.ctl.AwaitRevalidation(ctx) }()
	tick := time.NewTicker(nudgeEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if err := s.nudge(ctx); err != nil {
				s.log.Debug("revalidators not nudged", "error", err)
			}
		}
	}
}

// pass looks at every connection once.
func (s *sweeper) pass(ctx context.Context, why concern, zones map[uint16]string) error {
	conns, err := s.ctl.DumpAllConntrack(ctx)
	var unreadable *unixctl.DumpError
	if errors.As(err, &unreadable) {
		s.log.Error("some connections cannot be read and are not judged", "error", err)
	} else if err != nil {
		return err
	}
	var cut []unixctl.Conn
	s.view.read(func(snap *secgroup.Snapshot) {
		for _, conn := range conns {
			nic, local := zones[conn.Zone]
			if !local {
				continue
			}
			n := snap.NIC(nic)
			if n == nil || why.touches(snap, snap.Domain(n), conn) && !allowed(snap, n, conn) {
				cut = append(cut, conn)
			}
		}
	})
	for _, conn := range cut {
		err := s.ctl.FlushConntrack(ctx, conn)
		if errors.Is(err, unixctl.ErrFlushUnsafe) {
			err = s.erase(ctx, conn)
		}
		if err != nil {
			return err
		}
	}
	s.metrics.cut.Add(float64(len(cut)))
	if len(cut) > 0 {
		s.log.Info("connections cut: nothing allows them any more", "connections", len(cut))
	}
	return nil
}
