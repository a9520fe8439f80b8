package controller

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/unixctl"
)

const (
	// revalidateTimeout is the longest wait for passes over the megaflows.
	revalidateTimeout = 5 * time.Second
	// maxRevalidator is how long OVS lets a pass wait at most (other_config:
	// max-revalidator, 500 ms by default), with some more.
	maxRevalidator = 600 * time.Millisecond
	// minNudge is the shortest time between two nudges.
	minNudge = 2 * time.Millisecond
)

// purgeCost is what a purged megaflow costs until it is cached again: its next
// packet goes through all tables.
const purgeCost = 50 * time.Microsecond

// settler waits until packets meet the flows that the switch has. Enforcement has
// one of its own, which questions cannot hold up; all questions share another.
type settler struct {
	log       *slog.Logger
	ctl       func() revalidators
	nudge     func(context.Context) error // starts a revalidation pass
	lastPass  func() time.Duration
	cached    func() int  // megaflows
	misplaces func() bool // the switch may leave a megaflow as it was, see misplaces

	purging sync.Mutex
	purges  pace // under purging
}

// revalidators is what it takes of ovs-vswitchd.
type revalidators interface {
	AwaitRevalidation(ctx context.Context) error
	PurgeMegaflows(ctx context.Context) error
}

// newSettler returns one that uses a client's connections.
func (c *controller) newSettler(ctl *unixctl.Client) *settler {
	return &settler{
		log: c.log, ctl: func() revalidators { return ctl }, nudge: c.nudge, lastPass: c.passes.duration, cached: c.passes.cached,
		misplaces: func() bool { return c.sweeper.latest().misplaces },
	}
}

// settle returns when no cached megaflow of the time before is left. It may be
// called from everywhere.
func (s *settler) settle(ctx context.Context) error {
	if err := s.revalidated(ctx); err != nil || !s.misplaces() {
		return err
	}
	// The passes may have left megaflows as they were and believe that they are
	// right. Only now, as a pass that knows the tables of before might spoil new
	// megaflows too.
	s.purging.Lock()
	defer s.purging.Unlock()
	if err := pause(ctx, s.purges.wait(time.Now(), 0)); err != nil {
		return err
	}
	s.purges.spend(time.Now(), time.Duration(s.cached())*purgeCost)
	return s.ctl().PurgeMegaflows(ctx)
}

// revalidated returns when passes over all megaflows have begun and ended. OVS
// is in no hurry for each, up to maxRevalidator, unless it is nudged.
func (s *settler) revalidated(ctx context.Context) error {
	waitCtx, cancel := context.WithTimeout(ctx, revalidateTimeout)
	defer cancel()
	ended := make(chan error, 1)
	go func() { // of questions, too
		ended <- inquiry.Guard(func() error { return s.ctl().AwaitRevalidation(waitCtx) })
	}()
	every := time.NewTicker(max(minNudge, 2*s.lastPass()))
	defer every.Stop()
	for {
		select {
		case err := <-ended:
			var refused *unixctl.Error
			if errors.As(err, &refused) { // there are several datapaths
				return pause(ctx, maxRevalidator+2*s.lastPass())
			}
			return err
		case <-every.C:
			if err := s.nudge(waitCtx); err != nil { // it takes longer then
				s.log.Debug("revalidators not nudged", "error", err)
			}
		}
	}
}
