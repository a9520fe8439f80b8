// Package revoke makes what a change takes away end for open connections, too: it
// judges them again, cuts those that nothing allows any more, keeps them cut, and
// says up to which revision that is done.
//
//	Expect ──► due ──► pass: list, judge, cut ──► settle ──► pass ──► Reporter
//	                          │                                         ▲
//	                          └──► tombs: what is cut ──► recheck       │ applied
//
// Each host cuts for itself, by its own NICs' rules; see impact for what a change
// concerns.
package revoke

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/unixctl"
)

// Waits before a sweep is tried again: one that failed, and one that left
// connections unjudged because their other ends' rules were not to be had.
const (
	sweepRetry = 200 * time.Millisecond
	judgeRetry = time.Second
)

// lateLook is when connections are judged once more after flows went. A handler
// thread of ovs-vswitchd that was held up may install, after all passes, what it
// made of the tables of before; the revalidators find it within megaflow.MaxRevalidator.
const lateLook = 2 * megaflow.MaxRevalidator

// Sweeper judges open connections again after changes that take something away,
// and says up to which revision that is done. Established packets pass without
// a rule, so this is what makes revocation revoke.
//
//	engine ── Expect: what changes ──► expected ── Add: it is installed ──► due ──► sweep
type Sweeper struct {
	log     *slog.Logger
	policy  Policy
	both    Judge
	report  Reporter
	ctl     func() Tracking
	send    func(ctx context.Context, conn *ofconn.Conn, conns []unixctl.Conn, begin bool) error // cutConns
	settle  func(context.Context) error
	freed   func(zones []uint16)
	metrics metrics
	tombs   *tombs
	conn    *ofconn.Conn // to the switch that was swept last
	turn    uint16       // zone that was rechecked last
	wake    chan struct{}

	mu       sync.Mutex
	expected Work // of changes that are about to be installed
	due      Work
	job      Job           // the latest
	took     time.Duration // by the last look at all zones
}

// Job is what the engine brought about.
type Job struct {
	Rev        int64        // whose flows are installed
	Mark       string       // of the write that Rev is
	Update     uint64       // see share.Update.Number
	Conn       *ofconn.Conn // at whose switch
	Incomplete bool         // the switch refused some of them
	Step       uint64       // in which the engine did
	NICs       NICs         // that are plugged
	Left       []uint16     // zones that nobody has any more
}

// Work is what there is to do after a job.
type Work struct {
	Loss     impact.Loss
	Changed  bool // flows changed: cached megaflows may drop what the tables let in
	Narrowed bool // flows went or were replaced: cached megaflows may let in what the tables do not
}

func (w *Work) merge(o Work) {
	w.Loss.Merge(o.Loss)
	w.Changed = w.Changed || o.Changed
	w.Narrowed = w.Narrowed || o.Narrowed
}

// NewSweeper returns a sweeper that has nothing to do yet.
func NewSweeper(cfg Config) *Sweeper {
	s := &Sweeper{
		log: cfg.Logger, policy: cfg.Policy, both: cfg.Judge, report: cfg.Reporter, ctl: cfg.Tracking, settle: cfg.Settle, freed: cfg.Freed,
		metrics: newMetrics(cfg.Metrics), tombs: newTombs(), wake: make(chan struct{}, 1),
	}
	s.send = func(ctx context.Context, conn *ofconn.Conn, conns []unixctl.Conn, begin bool) error {
		return cutConns(ctx, conn, cfg.Tracking(), conns, begin)
	}
	return s
}

// Expect notes what a change may take away that is about to be installed. It is
// kept until Add, however long that takes.
func (s *Sweeper) Expect(w Work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected.merge(w)
}

// Add says that what was expected is installed.
func (s *Sweeper) Add(j Job) {
	s.mu.Lock()
	s.job = j
	s.due.merge(s.expected)
	s.expected = Work{}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// put has work done again that failed.
func (s *Sweeper) put(w Work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due.merge(w)
}

func (s *Sweeper) take() (Job, Work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.due
	s.due = Work{}
	return s.job, due
}

func (s *Sweeper) latest() Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job
}

// Run judges connections whenever there is work, until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
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
			if j := s.latest(); j.Conn != s.conn { // to be swept anyway
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
		s.report.Judged(err)
		var open *undecided
		if err != nil {
			s.log.Warn("open connections not judged again; trying again", "error", err)
			s.put(w)
			if !errors.As(err, &open) {
				retry = time.After(sweepRetry)
				continue
			}
			retry = time.After(judgeRetry)
		}
		if w.Narrowed && !w.Loss.Empty() {
			late.Merge(w.Loss)
			if look == nil {
				look = time.After(lateLook)
			}
		}
		s.report.Settled(j.Conn, j.Step)
		if !j.Incomplete && open == nil {
			s.report.Applied(j, idle && !w.Changed)
		}
	}
}

// lookLate cuts what a handler thread let in that was held up, and has the
// megaflow go by which it did.
func (s *Sweeper) lookLate(ctx context.Context, j Job, late impact.Loss) error {
	cut, err := s.pass(ctx, j, Work{Loss: late})
	if err != nil || cut == 0 {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	_, err = s.pass(ctx, j, Work{Loss: late})
	return err
}

// sweep cuts at once what nothing allows any more, and again when no cached
// megaflow of the time before can let it in anew. It returns when none drops what
// is allowed now, either. It tells whether there was nothing to do.
func (s *Sweeper) sweep(ctx context.Context, j Job, w Work) (idle bool, err error) {
	if j.Conn != s.conn { // it could seem to have no connections
		if err := s.ctl().CheckTracking(ctx); err != nil {
			return false, err
		}
		s.conn = j.Conn
	}
	reaches := false
	s.policy.Read(func(p Known, _ *impact.Loss) {
		for range reached(&w.Loss, p, j.NICs) {
			reaches = true
			break
		}
	})
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
	if w.Changed || cut > 0 {
		if err := s.settle(ctx); err != nil {
			return false, err
		}
	}
	if w.Narrowed || cut > 0 {
		if _, err := pass(); err != nil && !errors.As(err, &open) {
			return false, err
		}
	}
	for _, zone := range j.Left {
		if err := s.ctl().FlushZone(ctx, zone); err != nil {
			return false, err
		}
	}
	s.freed(j.Left)
	if reaches {
		s.metrics.sweeps.Observe(time.Since(start).Seconds())
	}
	if open != nil {
		return false, open
	}
	return false, nil
}
