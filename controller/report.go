package controller

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/ringfence/ringfence/controller/ownership"
	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/store"
)

// How soon a change of the status is written.
const (
	atOnce = 0
	// soon gathers changes that follow each other closely into one report.
	soon = 2 * time.Millisecond
	// lazily is for what nobody waits for, such as a revision that changed nothing on
	// this host: with many hosts that is most of what they report.
	lazily = 50 * time.Millisecond
)

// Pace of reports: single ones go at once, many are gathered; a sign of life
// every heartbeat.
const (
	reportCost     = 4 * time.Millisecond
	reportSlack    = 100 * time.Millisecond
	heartbeat      = 5 * time.Second
	reportRetry    = 200 * time.Millisecond
	nameTakenRetry = 2 * time.Second // while another machine reports under the name
)

// reporter writes the host's status to the store whenever it changes. It writes nothing
// before it knows which NICs are plugged, or firstReportAfter has passed: a restarted
// controller must not replace its predecessor's report by one with less in it.
type reporter struct {
	cfg        Config
	log        *slog.Logger
	metrics    *metrics
	applyTimes *applyTimes // may be nil
	wake       chan struct{}
	onReported func(store.HostStatus) // is told of what was reported, once the NICs are known

	nameTaken      bool               // another machine has the host's name; run's own
	unreadableTold []store.Unreadable // that were told last; the share's own, as below
	shareRevision  int64              // revision of the share

	mu        sync.Mutex
	status    store.HostStatus
	conn      *ofconn.Conn // to the switch the status is about
	problems  map[string]error
	refusals  []string
	nicsKnown bool      // the NICs are known
	due       time.Time // when to write; zero = nothing to write

	nics     btree.Map[string, nicReport]
	dropped  map[string]uint64   // by NIC, see linkLocals
	notReady map[string]struct{} // NICs that are installed and not ready
	standing revoke.Standing     // how far the switch is

	logged loggedRevision // of run alone
}

const firstReportAfter = 2 * time.Second

// loggedRevision is the applied revision that was logged last, and when.
type loggedRevision struct {
	revision int64
	at       time.Time
}

// log logs a revision, once a second at most: the next report logs where the host is then.
func (c *loggedRevision) log(log *slog.Logger, revision int64, now time.Time) {
	if revision == 0 || revision == c.revision || now.Sub(c.at) < time.Second { // 0: the switch is away, which is logged
		return
	}
	log.Info("the policy is in force", "revision", revision, "before", c.revision)
	*c = loggedRevision{revision: revision, at: now}
}

func newReporter(cfg Config, log *slog.Logger, m *metrics) *reporter {
	return &reporter{
		cfg: cfg, log: log, metrics: m, wake: make(chan struct{}, 1), problems: map[string]error{},
		notReady: map[string]struct{}{}, onReported: func(store.HostStatus) {},
		status: store.HostStatus{Host: cfg.Host, Version: cfg.Version, Machine: ownership.Machine(), Started: time.Now()},
	}
}

// update calls fn under the lock to change the status, and has it written within a time
// if fn returns that anything changed.
func (r *reporter) update(within time.Duration, fn func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !fn() {
		return
	}
	if at := time.Now().Add(within); r.due.IsZero() || at.Before(r.due) {
		r.due = at
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// set assigns v, and reports whether that changed the field.
func set[T comparable](field *T, v T) bool {
	changed := *field != v
	*field = v
	return changed
}

// run writes the status whenever it is due, and every heartbeat, until ctx ends.
func (r *reporter) run(ctx context.Context) error {
	beat := time.Now().Add(firstReportAfter)
	writes := pace{slack: reportSlack}
	var notBefore time.Time
	for {
		at := r.next(beat)
		if d := writes.wait(time.Now(), reportCost); d > 0 {
			at = later(at, time.Now().Add(d))
		}
		at = later(at, notBefore)
		timer := time.NewTimer(time.Until(at))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-r.wake:
			timer.Stop()
			continue
		case <-timer.C:
		}
		writes.spend(time.Now(), reportCost)
		beat = time.Now().Add(heartbeat)
		status, force, seen := r.current()
		var err error
		if !seen {
			status.NICs, err = r.former(ctx)
		}
		if err == nil {
			err = r.cfg.Reports.PutHost(ctx, status)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && seen {
			r.logged.log(r.log, status.Applied, time.Now())
			r.onReported(status)
			if r.cfg.Applied != nil && max(force.Whole, force.Latest) != 0 {
				r.cfg.Applied(force)
			}
		}
		again := r.reported(err)
		if err != nil {
			r.log.Debug("status not reported; trying again", "error", err)
			r.update(again, func() bool { return true })
			notBefore = time.Now().Add(again) // whatever changes until then
		}
	}
}

// former returns the NICs of the host's last report, for a report that is written before
// it is known which are plugged, as while the OVSDB is away: if it had none, nobody would
// wait for this host any more.
func (r *reporter) former(ctx context.Context) ([]store.HostNIC, error) {
	if r.cfg.Peers == nil {
		return nil, nil
	}
	nics, err := r.cfg.Peers.Plugged(ctx, r.cfg.Host)
	if errors.Is(err, store.ErrMayNotAsk) {
		return nil, nil
	}
	for i := range nics {
		nics[i] = store.HostNIC{ID: nics[i].ID, Error: "the controller has not seen it since it started"}
	}
	return nics, err
}

// reported notes the result of writing a report, and returns when to try again after an
// error. If another machine reports under the host's name, that is logged and counted, and
// the host's own bridge is kept all the same.
func (r *reporter) reported(err error) (again time.Duration) {
	taken := errors.Is(err, store.ErrSeatTaken)
	switch {
	case taken && !r.nameTaken:
		r.log.Error("another machine reports under this host's name; this one's reports are refused until that one is silent. Give one of them another --host.", "error", err)
		r.metrics.nameTaken.Set(1)
	case !taken && r.nameTaken && err == nil:
		r.log.Info("the host's name is free: reporting")
		r.metrics.nameTaken.Set(0)
	}
	if taken || err == nil {
		r.nameTaken = taken
	}
	if taken {
		return nameTakenRetry
	}
	return reportRetry
}

// next is when to write.
func (r *reporter) next(beat time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due.IsZero() || !r.nicsKnown || beat.Before(r.due) {
		return beat
	}
	return r.due
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
