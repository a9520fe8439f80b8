package revoke

import (
	"context"
	"errors"
	"time"

	"github.com/ringfence/ringfence/openflow/ofconn"
)

// turn is work that is done together.
type turn struct {
	job   Job
	work  Work
	debts []*debt
	again bool // it failed before
}

// sweep cuts at once what nothing allows any more, and again when no cached
// megaflow of the time before can let it in anew. It returns when none drops what
// is allowed now, either. It tells whether there was nothing to do.
func (s *Sweeper) sweep(ctx context.Context, t *turn) (idle bool, err error) {
	j, w := t.job, t.work
	if err := s.check(ctx, j.Conn); err != nil {
		return false, err
	}
	reaches := false
	for range w.Lost.zones(j.NICs) {
		reaches = true
		break
	}
	if !reaches && len(j.Left) == 0 && !w.Changed {
		return true, nil
	}
	start := time.Now()
	pass := func() (cut int, err error) {
		if !reaches {
			return 0, nil
		}
		return s.pass(ctx, j, w)
	}
	cut, err := pass()
	var open *undecided // is told at the end: all the rest is to be done first
	if err != nil && !errors.As(err, &open) {
		return false, err
	}
	// Not beside the pass: what has the revalidators hurry takes the switch's time, of
	// which many cuts take a lot. Whoever changes something meanwhile waits for all.
	if err := s.met(ctx, t); err != nil {
		return false, err
	}
	if !w.Changed && cut > 0 {
		if err := s.settle(ctx); err != nil {
			return false, err
		}
	}
	if w.Narrowed || cut > 0 {
		if _, err := pass(); err != nil && !errors.As(err, &open) {
			return false, err
		}
	}
	if err := s.leave(ctx, j); err != nil {
		return false, err
	}
	if reaches {
		s.metrics.sweeps.Observe(time.Since(start).Seconds())
	}
	if open != nil {
		return false, open
	}
	return false, nil
}

// met returns when packets meet the flows of a turn's job, and says how far that
// brings those whose connections need not be judged.
func (s *Sweeper) met(ctx context.Context, t *turn) error {
	if t.work.Changed {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.settled(t.debts, t.work.Changed)
	s.report.Stands(s.ledger.standing(), Partly)
	return nil
}

// check fails where the switch cannot reach its connections: it could seem to have
// none.
func (s *Sweeper) check(ctx context.Context, conn *ofconn.Conn) error {
	s.mu.Lock()
	known := s.checked == conn
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := s.ctl().CheckTracking(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked = conn
	return nil
}

// leave flushes the zones that nobody has any more. One that was flushed since the
// job may be another NIC's by now.
func (s *Sweeper) leave(ctx context.Context, j Job) error {
	s.leaving.Lock()
	defer s.leaving.Unlock()
	var free []uint16
	for _, zone := range j.Left {
		if at, flushed := s.emptied[zone]; flushed && j.Step <= at {
			continue
		}
		if err := s.ctl().FlushZone(ctx, zone); err != nil {
			return err
		}
		free = append(free, zone)
	}
	step := s.latest().Step + 1 // which may have been told of them already, and cannot give them away
	for _, zone := range free {
		s.emptied[zone] = step
	}
	s.freed(free)
	return nil
}
