package controller

import (
	"context"
	"errors"
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

// settle returns when no cached megaflow of the time before is left. It may be
// called from everywhere.
func (s *sweeper) settle(ctx context.Context) error {
	if err := s.revalidated(ctx); err != nil || !s.latest().misplaces {
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
func (s *sweeper) revalidated(ctx context.Context) error {
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
