// Package revoke makes what a change takes away end for open connections, too: it
// judges them again, cuts those that nothing allows any more, keeps them cut, and
// says up to which revision that is done, NIC by NIC.
//
//	Expect ──► due ──► turns ──► settle ──► pass: list, judge, cut ──► Reporter
//	                                           │                         ▲
//	                                           └──► tombs ──► recheck    │ how far each NIC is
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

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/unixctl"
)

// Waits before a turn is taken again: one that failed, and one that left
// connections unjudged because their other ends' rules were not to be had.
const (
	sweepRetry = 200 * time.Millisecond
	judgeRetry = time.Second
)

// mostTurns bounds the turns that run at a time, so that one of many connections does
// not hold up those of few. What comes when there are as many waits, and is one turn.
const mostTurns = 4

// Sweeper judges open connections again after changes that take something away,
// and says up to which revision that is done. Established packets pass without
// a rule, so this is what makes revocation revoke.
//
//	engine ── Expect: what changes ──► expected ── Add: it is installed ──► due ──► turns
//	                                                                        failed ◄──┘
type Sweeper struct {
	log           *slog.Logger
	policy        Policy
	both          Judge
	report        Reporter
	ctl           func() Tracking
	send          func(ctx context.Context, conn *ofconn.Conn, conns []unixctl.Conn, begin bool) error // cutConns
	settle        func(context.Context, megaflow.Change) error
	freed         func(zones []uint16)
	metrics       metrics
	tombs         *tombs
	lastRechecked uint16        // zone that was rechecked last; care's own
	wake          chan struct{} // there is something for a turn, or room for one
	lateDue       chan struct{} // there is something to look at later

	flushing  sync.Mutex        // held while zones that nobody has are flushed
	flushedAt map[uint16]uint64 // zones that were, and up to which of the engine's steps; under leaving

	mu       sync.Mutex
	expected Work // of changes that are about to be installed
	due      Work
	added    bool         // a job came since the last turn began
	failed   failedTurns  // turns that are to be taken again
	turns    int          // that run
	job      Job          // the latest
	checked  *ofconn.Conn // whose switch can reach its connections
	ledger   ledger
	lateLost Lost          // to be looked at later
	lookTime time.Duration // by the last look at all zones
}

// NewSweeper returns a sweeper that has nothing to do yet.
func NewSweeper(cfg Config) *Sweeper {
	s := &Sweeper{
		log: cfg.Logger, policy: cfg.Policy, both: cfg.Judge, report: cfg.Reporter, ctl: cfg.Tracking, settle: cfg.Settle, freed: cfg.Freed,
		metrics: newMetrics(cfg.Metrics), tombs: newTombs(), wake: make(chan struct{}, 1), lateDue: make(chan struct{}, 1), flushedAt: map[uint16]uint64{},
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
	s.job, s.added = j, true
	s.due.merge(s.expected)
	s.expected = Work{}
	s.mu.Unlock()
	notify(s.wake)
}

// notify fills a channel of one.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *Sweeper) latest() Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job
}

// Run judges connections whenever there is work, until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.lookLater(ctx) })
	g.Go(func() error {
		var retry <-chan time.Time
		for {
			for t := s.nextTurn(); t != nil; t = s.nextTurn() {
				g.Go(func() error {
					s.runTurn(ctx, t)
					return nil
				})
			}
			if at := s.retryAt(); !at.IsZero() {
				retry = time.After(time.Until(at))
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.wake:
			case <-retry:
			}
		}
	})
	return g.Wait()
}

// nextTurn begins a turn, nil if there is none to begin: of what is due, or of what failed
// when its time has come.
func (s *Sweeper) nextTurn() *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.failed
	switch {
	case s.added && s.turns < mostTurns:
		t := &turn{job: s.job, work: s.due}
		if s.job.Conn != s.ledger.conn { // what failed was at another switch
			t.work.merge(f.work)
			t.debts = f.debts
			f.work, f.debts = Work{}, nil
		}
		t.debts = append(t.debts, s.ledger.begin(t.job, &t.work.Lost))
		s.due, s.added = Work{}, false
		s.turns++
		return t
	case len(f.debts) > 0 && !f.running && !time.Now().Before(f.at):
		t := &turn{job: s.job, work: f.work, debts: f.debts, retry: true}
		f.work, f.debts, f.running = Work{}, nil, true
		return t
	}
	return nil
}

// runTurn takes a turn, and says how far the host is then.
func (s *Sweeper) runTurn(ctx context.Context, t *turn) {
	idle, err := s.sweep(ctx, t)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.log.Warn("open connections not judged again; trying again", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.retry {
		s.failed.running = false
	} else {
		s.turns--
	}
	if err != nil {
		s.retryLater(t, err)
	} else {
		s.ledger.done(t.debts)
	}
	if len(s.failed.debts) == 0 && !s.failed.running {
		s.failed.err = nil
	}
	if w := t.work; w.Narrowed && !w.Lost.empty() {
		s.lateLost.merge(w.Lost)
		notify(s.lateDue)
	}
	s.report.Judged(s.failed.err)
	news := Done
	if idle && !t.work.Changed {
		news = NothingChanged
	}
	s.report.Standing(s.ledger.standing(), news)
	notify(s.wake)
}

// failedTurns is what turns could not do.
type failedTurns struct {
	work    Work
	debts   []*debt
	at      time.Time // when to try
	running bool      // a turn does
	err     error     // why it could not
}

// retryAt is when to take up again what failed, zero for not at all.
func (s *Sweeper) retryAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := &s.failed; len(f.debts) > 0 && !f.running {
		return f.at
	}
	return time.Time{}
}

// retryLater has a turn taken again, with the latest job, and beside what comes.
func (s *Sweeper) retryLater(t *turn, err error) {
	wait := sweepRetry
	if _, ok := errors.AsType[*undecided](err); ok { // all but that is done
		wait = judgeRetry
		s.ledger.allButJudged(t.debts, t.job.Step)
	}
	f := &s.failed
	f.work.merge(t.work)
	f.debts = s.ledger.combine(append(f.debts, t.debts...))
	f.at, f.err = time.Now().Add(wait), err
}
