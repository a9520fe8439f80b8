package controller

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/store"
)

// Pace of reports: at once when something happened, but not more often than
// reportEvery; a sign of life every heartbeat.
const (
	reportEvery = 5 * time.Millisecond
	heartbeat   = 5 * time.Second
	reportRetry = 200 * time.Millisecond
)

// reporter tells the store what is in force on this host.
type reporter struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	wake    chan struct{}

	mu       sync.Mutex
	status   store.HostStatus
	problems map[string]error
	refusals []string
	dirty    bool
}

func newReporter(cfg Config, log *slog.Logger) *reporter {
	return &reporter{
		cfg: cfg, log: log, wake: make(chan struct{}, 1), problems: map[string]error{},
		status: store.HostStatus{Host: cfg.Host, Version: cfg.Version, Started: time.Now()},
	}
}

// update changes the status; fn tells whether anything differs.
func (r *reporter) update(fn func() bool) {
	r.mu.Lock()
	changed := fn()
	r.dirty = r.dirty || changed
	r.mu.Unlock()
	if changed {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// applied says that rev is in force: its flows are installed and confirmed, and
// open connections were judged by it.
func (r *reporter) applied(rev int64) {
	r.update(func() bool {
		changed := r.status.Applied != rev && len(r.refusals) == 0
		if changed {
			r.status.Applied = rev
		}
		return changed
	})
}

// problem notes what keeps a part from working; nil: nothing.
func (r *reporter) problem(part string, err error) {
	r.update(func() bool {
		old := r.problems[part]
		if err == nil {
			delete(r.problems, part)
			return old != nil
		}
		r.problems[part] = err
		return old == nil || old.Error() != err.Error()
	})
}

// refused notes the flows that the switch does not take. While there are any,
// no further revision is claimed.
func (r *reporter) refused(why []string) {
	r.update(func() bool {
		changed := !slices.Equal(why, r.refusals)
		r.refusals = why
		return changed
	})
}

func (r *reporter) connected(yes bool) {
	r.update(func() bool {
		changed := r.status.Connected != yes
		r.status.Connected = yes
		return changed
	})
}

func (r *reporter) flows(n int) {
	r.update(func() bool {
		changed := r.status.Flows != n
		r.status.Flows = n
		return changed
	})
}

// nics notes the NICs that are plugged: those without problems are ready once
// their flows are installed.
func (r *reporter) nics(problems map[string]string, plugs map[string]plugged, installed bool) {
	r.update(func() bool {
		was := map[string]store.HostNIC{}
		for _, n := range r.status.NICs {
			was[n.ID] = n
		}
		nics := make([]store.HostNIC, 0, len(plugs))
		for _, id := range slices.Sorted(maps.Keys(plugs)) {
			p := plugs[id]
			n := store.HostNIC{ID: id, OFPort: p.ofport, Error: p.err}
			if n.Error == "" {
				n.Error = problems[id]
			}
			n.Ready = p.ofport != 0 && problems[id] == "" && (installed || was[id].Ready)
			nics = append(nics, n)
		}
		changed := !slices.Equal(nics, r.status.NICs)
		r.status.NICs = nics
		return changed
	})
}

// run writes the status whenever it changed, and now and then.
func (r *reporter) run(ctx context.Context) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wake:
		case <-beat.C:
		}
		wait := reportEvery
		if err := r.cfg.Reports.PutHost(ctx, r.current()); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.log.Debug("status not reported; trying again", "error", err)
			wait = reportRetry
			r.update(func() bool { return true })
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// current returns the status as it is to be written.
func (r *reporter) current() store.HostStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Heartbeat = time.Now()
	s.Errors = slices.Clone(r.refusals)
	for _, part := range slices.Sorted(maps.Keys(r.problems)) {
		s.Errors = append(s.Errors, part+": "+r.problems[part].Error())
	}
	s.NICs = slices.Clone(s.NICs)
	for i := range s.NICs {
		if s.NICs[i].Ready {
			s.NICs[i].Applied = s.Applied
		}
	}
	return s
}
