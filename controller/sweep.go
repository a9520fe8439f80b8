package controller

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// sweepRetry is the wait before a failed sweep is tried again.
const sweepRetry = 200 * time.Millisecond

// sweeper judges open connections again after changes that take something away,
// and says up to which revision that is done. Established packets pass without
// a rule, so this is what makes revocation revoke.
//
//	engine ── expect: what changes ──► expected ── add: it is installed ──► due ──► sweep
type sweeper struct {
	log      *slog.Logger
	ctl      func() conntrack
	erase    func(context.Context, unixctl.Conn) error // for what ctl must not flush
	nudge    func(context.Context) error               // starts a revalidation pass
	view     *view
	report   *reporter
	freed    func(zones []uint16)
	lastPass func() time.Duration
	metrics  *metrics
	cuts     cuts
	wake     chan struct{}

	mu       sync.Mutex
	expected sweep // of changes that are about to be installed
	due      sweep
	job      job // the latest
}

// job is what the engine brought about.
type job struct {
	rev        int64                   // whose flows are installed
	conn       *ofconn.Conn            // at whose switch
	incomplete bool                    // the switch refused some of them
	nics       map[uint16]string       // NIC of each zone in use
	ports      map[string]ofrules.Port // of these NICs
	left       []uint16                // zones that nobody has any more
}

// sweep is what there is to do after a job.
type sweep struct {
	concern  concern
	changed  bool // flows changed: cached megaflows may drop what the tables let in
	narrowed bool // flows went or were replaced: cached megaflows may let in what the tables do not
}

func newSweep() sweep { return sweep{concern: newConcern()} }

func (s *sweep) merge(o sweep) {
	s.concern.merge(o.concern)
	s.changed = s.changed || o.changed
	s.narrowed = s.narrowed || o.narrowed
}

// conntrack is what the sweeper needs of the switch's connection tracking.
type conntrack interface {
	DumpAllConntrack(ctx context.Context) ([]unixctl.Conn, error)
	FlushConntrack(ctx context.Context, c unixctl.Conn) error
	FlushZone(ctx context.Context, zone uint16) error
	AwaitRevalidation(ctx context.Context) error
}

func newSweeper(c *controller) *sweeper {
	return &sweeper{
		log: c.log, ctl: func() conntrack { return c.datapath() }, erase: c.eraseEcho, nudge: c.nudge, view: c.view, report: c.report,
		freed: c.zones.freed, lastPass: c.passes.duration, metrics: c.metrics, wake: make(chan struct{}, 1),
		expected: newSweep(), due: newSweep(),
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
	s.expected = newSweep()
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
	s.due = newSweep()
	return s.job, due
}

func (s *sweeper) run(ctx context.Context) error {
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		case <-retry:
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
		s.report.settle(j.conn, j.ports)
		if !j.incomplete {
			s.report.applied(j.conn, j.rev, idle && !w.changed)
		}
	}
}

// sweep cuts at once what nothing allows any more, and again when no cached
// megaflow of the time before can let it in anew. It returns when none drops what
// is allowed now, either. It tells whether there was nothing to do.
func (s *sweeper) sweep(ctx context.Context, j job, w sweep) (idle bool, err error) {
	if err := s.cuts.meet(ctx, j); err != nil {
		return false, err
	}
	if err := s.cuts.review(ctx, s.view.policy); err != nil {
		return false, err
	}
	reaches := false
	s.view.read(func(snap *secgroup.Snapshot, _ *concern) { reaches = w.concern.reaches(snap, j.nics) })
	if !reaches && len(j.left) == 0 && !w.changed {
		return true, nil
	}
	start := time.Now()
	pass := func(again bool) (cut int, err error) {
		if !reaches {
			return 0, nil
		}
		return s.pass(ctx, j, w, again)
	}
	cut, err := pass(false)
	if err != nil {
		return false, err
	}
	if w.changed || cut > 0 {
		if err := s.settle(ctx); err != nil {
			return false, err
		}
	}
	if w.narrowed || cut > 0 {
		if _, err := pass(true); err != nil {
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

// pass looks at every connection once, and returns how many it cut. The second
// pass of a sweep also cuts what came up from those that the first one cut.
func (s *sweeper) pass(ctx context.Context, j job, w sweep, again bool) (int, error) {
	ctl := s.ctl()
	conns, err := ctl.DumpAllConntrack(ctx)
	var unreadable *unixctl.DumpError
	if errors.As(err, &unreadable) {
		s.log.Error("some connections cannot be read and are not judged", "error", err)
	} else if err != nil {
		return 0, err
	}
	cut, zones := s.judge(j, w, conns)
	var revived []unixctl.Conn
	if again {
		cut, revived = s.cuts.revived(cut, conns)
	}
	if err := s.cuts.keep(ctx, j, s.view.policy, cut); err != nil {
		return 0, err
	}
	cut = append(cut, revived...)
	var failed error
	for zone := range zones {
		if err := ctl.FlushZone(ctx, zone); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	for _, conn := range cut {
		err := ctl.FlushConntrack(ctx, conn)
		if errors.Is(err, unixctl.ErrFlushUnsafe) {
			err = s.erase(ctx, conn)
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		failed = errors.Join(failed, err)
	}
	total := len(cut)
	for _, n := range zones {
		total += n
	}
	s.metrics.cut.Add(float64(total))
	if total > 0 {
		s.log.Info("connections cut: nothing allows them any more", "connections", total)
	}
	return total, failed
}

// judge returns the connections to cut, and the zones to empty with how many
// there are. What is about to change counts already: it was taken from the
// policy, or put into it, since the engine installed its last.
func (s *sweeper) judge(j job, w sweep, conns []unixctl.Conn) (cut []unixctl.Conn, zones map[uint16]int) {
	zones = map[uint16]int{}
	s.view.read(func(snap *secgroup.Snapshot, pending *concern) {
		s.mu.Lock()
		expected := s.expected.concern.clone()
		s.mu.Unlock()
		for _, conn := range conns {
			nic, local := j.nics[conn.Zone]
			if !local {
				continue
			}
			n := snap.NIC(nic)
			if n == nil { // nothing allows what it has
				zones[conn.Zone]++
				continue
			}
			touched := w.concern.touches(snap, n, conn) || expected.touches(snap, n, conn) || pending.touches(snap, n, conn)
			if touched && !allowed(snap, n, conn) {
				cut = append(cut, conn)
			}
		}
	})
	return cut, zones
}

// clone returns a copy that merges leave alone.
func (c *concern) clone() concern {
	return concern{all: c.all, nics: maps.Clone(c.nics), places: maps.Clone(c.places), groups: maps.Clone(c.groups)}
}
