package controller

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// sweepRetry is the wait before a failed sweep is tried again.
const sweepRetry = 200 * time.Millisecond

// lateLook is when connections are judged once more after flows went. A handler
// thread of ovs-vswitchd that was held up may install, after all passes, what it
// made of the tables of before; the revalidators find it within megaflow.MaxRevalidator.
const lateLook = 2 * megaflow.MaxRevalidator

// sweeper judges open connections again after changes that take something away,
// and says up to which revision that is done. Established packets pass without
// a rule, so this is what makes revocation revoke.
//
//	engine ── expect: what changes ──► expected ── add: it is installed ──► due ──► sweep
type sweeper struct {
	log     *slog.Logger
	ctl     func() conntrack
	send    func(ctx context.Context, conn *ofconn.Conn, conns []unixctl.Conn, begin bool) error // cutConns
	settle  func(context.Context) error                                                          // returns when packets meet the flows that the switch has
	view    *view
	report  *reporter
	freed   func(zones []uint16)
	metrics *metrics
	tombs   *tombs
	conn    *ofconn.Conn // to the switch that was swept last
	turn    uint16       // zone that was rechecked last
	wake    chan struct{}

	mu       sync.Mutex
	expected sweep // of changes that are about to be installed
	due      sweep
	job      job // the latest
	pickUp   pickUp
}

// job is what the engine brought about.
type job struct {
	rev        int64        // whose flows are installed
	mark       string       // of the write that rev is
	conn       *ofconn.Conn // at whose switch
	incomplete bool         // the switch refused some of them
	step       uint64       // in which the engine did
	nics       *zoned       // that are plugged
	left       []uint16     // zones that nobody has any more
}

// sweep is what there is to do after a job.
type sweep struct {
	loss     impact.Loss
	changed  bool // flows changed: cached megaflows may drop what the tables let in
	narrowed bool // flows went or were replaced: cached megaflows may let in what the tables do not
}

func (s *sweep) merge(o sweep) {
	s.loss.Merge(o.loss)
	s.changed = s.changed || o.changed
	s.narrowed = s.narrowed || o.narrowed
}

// conntrack is what the sweeper needs of the switch's connection tracking.
type conntrack interface {
	lister
	CheckTracking(ctx context.Context) error
	FlushZone(ctx context.Context, zone uint16) error
}

func newSweeper(c *controller) *sweeper {
	return &sweeper{
		log: c.log, ctl: func() conntrack { return c.datapath() },
		send: func(ctx context.Context, conn *ofconn.Conn, conns []unixctl.Conn, begin bool) error {
			return cutConns(ctx, conn, c.datapath(), conns, begin)
		},
		tombs: c.tombs, settle: megaflow.NewSettler(c.ctl, c.link.peek, c.cache, c.log).Settle, view: c.view, report: c.report,
		freed: c.zones.freed, metrics: c.metrics, wake: make(chan struct{}, 1),
	}
}

// expect notes what a change may take away that is about to be installed. It is
// kept until add, however long that takes.
func (s *sweeper) expect(w sweep) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected.merge(w)
}

// add says that what was expected is installed.
func (s *sweeper) add(j job) {
	s.mu.Lock()
	s.job = j
	s.due.merge(s.expected)
	s.expected = sweep{}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// put has work done again that failed.
func (s *sweeper) put(w sweep) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due.merge(w)
}

func (s *sweeper) take() (job, sweep) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.due
	s.due = sweep{}
	return s.job, due
}

func (s *sweeper) latest() job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job
}

func (s *sweeper) run(ctx context.Context) error {
	var retry, look <-chan time.Time
	var late impact.Loss
	recheck := time.NewTimer(recheckEvery)
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		case <-retry:
		case <-look:
			look = nil
			if j := s.latest(); j.conn != s.conn { // to be swept anyway
				late = impact.Loss{}
			} else if err := s.lookLate(ctx, j, late); err != nil {
				look = time.After(sweepRetry)
			} else {
				late = impact.Loss{}
			}
			continue
		case <-recheck.C:
			recheck.Reset(s.recheck(ctx))
			continue
		}
		retry = nil
		j, w := s.take()
		idle, err := s.sweep(ctx, j, w)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.report.problem("connections", err)
		if err != nil {
			s.log.Warn("open connections not judged again; trying again", "error", err)
			s.put(w)
			retry = time.After(sweepRetry)
			continue
		}
		if w.narrowed && !w.loss.Empty() {
			late.Merge(w.loss)
			if look == nil {
				look = time.After(lateLook)
			}
		}
		s.report.settle(j.conn, j.step)
		if !j.incomplete {
			s.report.applied(j.conn, j.rev, j.mark, idle && !w.changed)
		}
	}
}

// lookLate cuts what a handler thread let in that was held up, and has the
// megaflow go by which it did.
func (s *sweeper) lookLate(ctx context.Context, j job, late impact.Loss) error {
	cut, err := s.pass(ctx, j, sweep{loss: late})
	if err != nil || cut == 0 {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	_, err = s.pass(ctx, j, sweep{loss: late})
	return err
}

// sweep cuts at once what nothing allows any more, and again when no cached
// megaflow of the time before can let it in anew. It returns when none drops what
// is allowed now, either. It tells whether there was nothing to do.
func (s *sweeper) sweep(ctx context.Context, j job, w sweep) (idle bool, err error) {
	if j.conn != s.conn { // it could seem to have no connections
		if err := s.ctl().CheckTracking(ctx); err != nil {
			return false, err
		}
		s.conn = j.conn
	}
	reaches := false
	both := s.mayHavePickedUp()
	s.view.policy(func(snap *secgroup.Snapshot) {
		for range reached(&w.loss, snap, j.nics, both) {
			reaches = true
			break
		}
	})
	if !reaches && len(j.left) == 0 && !w.changed {
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
	if err != nil {
		return false, err
	}
	if w.changed || cut > 0 {
		if err := s.settle(ctx); err != nil {
			return false, err
		}
	}
	if w.narrowed || cut > 0 {
		if _, err := pass(); err != nil {
			return false, err
		}
	}
	for _, zone := range j.left {
		if err := s.ctl().FlushZone(ctx, zone); err != nil {
			return false, err
		}
	}
	s.freed(j.left)
	if reaches {
		s.metrics.sweeps.Observe(time.Since(start).Seconds())
	}
	return false, nil
}
