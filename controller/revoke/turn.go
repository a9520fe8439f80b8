package revoke

import (
	"context"
	"errors"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// prompt is how long a turn waits for packets to meet the flows before it judges
// connections for the first time. As a rule they do within some 15 ms.
const prompt = 200 * time.Millisecond

// turn is work that is done together.
type turn struct {
	job   Job
	work  Work
	debts []*debt
	retry bool // it failed before
}

// sweep does the work of a turn: it cuts the connections that nothing allows any more. It
// does so after the old megaflows are gone, which could let such connections begin again,
// so that one look at the connections is enough; if that takes longer than prompt, it cuts
// those that there are before that, too. When it returns no old megaflow drops anything
// that is allowed now. idle reports that there was nothing to do.
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
	if !reaches && len(j.Vacated) == 0 && !w.Changed {
		return true, nil
	}
	start := time.Now()
	var open *undecided // is told at the end: all the rest is to be done first
	pass := func() (cut int, err error) {
		if !reaches {
			return 0, nil
		}
		if cut, err = s.pass(ctx, j, w); errors.As(err, &open) {
			err = nil
		}
		return cut, err
	}
	err = s.awaitFlows(ctx, t, func() error {
		_, err := pass()
		return err
	})
	if err != nil {
		return false, err
	}
	open = nil
	cut, err := pass()
	if err != nil {
		return false, err
	}
	if !w.Changed && cut > 0 {
		if err := s.settle(ctx, megaflow.Narrowed); err != nil {
			return false, err
		}
		if _, err := pass(); err != nil {
			return false, err
		}
	}
	if err := s.flushVacated(ctx, j); err != nil {
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

// awaitFlows returns when packets meet the flows of a turn's job, and reports the standing
// then: NICs whose connections need not be judged are at the new state. If it takes longer
// than prompt, it calls meanwhile while it waits.
func (s *Sweeper) awaitFlows(ctx context.Context, t *turn, meanwhile func() error) error {
	if t.work.Changed {
		settled := make(chan error, 1)
		go func() { settled <- s.settle(ctx, t.work.change()) }()
		late := time.NewTimer(prompt)
		defer late.Stop()
		select {
		case err := <-settled:
			if err != nil {
				return err
			}
		case <-late.C:
			if err := errors.Join(meanwhile(), <-settled); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.inSwitch(t.debts, t.work.Changed)
	s.report.Standing(s.ledger.standing(), Partly)
	return nil
}

// check returns an error if the switch cannot list its connections, which could be taken
// for there being none. It checks once for each connection to the switch.
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

// flushVacated flushes the zones that nobody has any more. One that was flushed since the
// job may be another NIC's by now.
func (s *Sweeper) flushVacated(ctx context.Context, j Job) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	var free []uint16
	for _, zone := range j.Vacated {
		if at, flushed := s.flushedAt[zone]; flushed && j.Step <= at {
			continue
		}
		if err := s.ctl().FlushZone(ctx, zone); err != nil {
			return err
		}
		free = append(free, zone)
	}
	step := s.latest().Step + 1 // which may have been told of them already, and cannot give them away
	for _, zone := range free {
		s.flushedAt[zone] = step
	}
	s.freed(free)
	return nil
}
