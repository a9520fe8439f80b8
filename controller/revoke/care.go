package revoke

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// lateLook is when connections are judged once more after flows went. A handler
// thread of ovs-vswitchd that was held up may install, after all passes, what it
// made of the tables of before; the revalidators find it within megaflow.MaxRevalidator.
const lateLook = 2 * megaflow.MaxRevalidator

// lookLater looks at what is in force already, beside the turns: once more after flows
// went, and now and then whether what is cut still is.
func (s *Sweeper) lookLater(ctx context.Context) error {
	var look <-chan time.Time
	recheck := time.NewTimer(recheckEvery)
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.lateDue:
			if look == nil {
				look = time.After(lateLook)
			}
		case <-look:
			look = nil
			if s.lookAgain(ctx) != nil {
				look = time.After(sweepRetry)
			}
		case <-recheck.C:
			recheck.Reset(s.recheck(ctx))
		}
	}
}

// isChecked tells whether the switch behind conn is the one whose connections are judged.
func (s *Sweeper) isChecked(conn *ofconn.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked == conn
}

// lookAgain looks late at what changed, unless that was at another switch, whose
// connections are swept anyway.
func (s *Sweeper) lookAgain(ctx context.Context) error {
	j := s.latest()
	s.mu.Lock()
	late := s.lateLost
	s.lateLost = Lost{}
	s.mu.Unlock()
	if !s.isChecked(j.Conn) {
		return nil
	}
	err := s.lookLate(ctx, j, late)
	if err != nil {
		s.mu.Lock()
		s.lateLost.merge(late)
		s.mu.Unlock()
	}
	return err
}

// lookLate cuts what a handler thread let in that was held up, and has the
// megaflow go by which it did.
func (s *Sweeper) lookLate(ctx context.Context, j Job, late Lost) error {
	cut, err := s.pass(ctx, j, Work{Lost: late})
	if err != nil || cut == 0 {
		return err
	}
	if err := s.settle(ctx, megaflow.Narrowed); err != nil {
		return err
	}
	_, err = s.pass(ctx, j, Work{Lost: late})
	return err
}
