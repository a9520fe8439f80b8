package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// tracesRunning is how many traces run at a time; the others wait.
const tracesRunning = 256

// policyStore is what is asked of *store.Store.
type policyStore interface {
	Read(ctx context.Context, f func(*secgroup.Snapshot) error) error
	Hosts() []store.HostStatus
	Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error)
	ServeAsks(ctx context.Context, host string, answer store.Answerer) error
}

// tracerConfig is what a tracer is made of. All is needed.
type tracerConfig struct {
	store   policyStore
	past    *realization.History
	keeper  inquiry.Keeper
	logger  *slog.Logger
	now     func() time.Time
	newID   func() string
	process string // a name that no other process has, of 12 letters and digits
	// ran is called with each trace that has run, before it is answered.
	ran func(*traceJSON)
}

// tracer runs traces, and keeps them to be read again, here and by other processes.
type tracer struct {
	tracerConfig
	timeout time.Duration // of each trace; set before the first
	ctx     context.Context
	slots   chan struct{}
	wg      sync.WaitGroup
	book    *traceBook
	serve   sync.Once // other processes
}

// newTracer returns a tracer that works until ctx ends.
func newTracer(ctx context.Context, cfg tracerConfig) *tracer {
	return &tracer{tracerConfig: cfg, timeout: traceTimeout, ctx: ctx, slots: make(chan struct{}, tracesRunning), book: newTraceBook()}
}

// wait waits for all that runs, when ctx has ended.
func (r *tracer) wait() { r.wg.Wait() }

// trace runs a trace of an account. If some host has not answered after a while it
// returns what is known by then, which is not done; the trace goes on.
func (r *tracer) trace(ctx context.Context, account string, spec *traceSpec, wait time.Duration) (*traceJSON, error) {
	id, begun := r.newTraceID(), r.now().UTC()
	// What can be said at once: also whether the request makes sense.
	first, err := r.tracePolicy(ctx, account, spec)
	if err != nil {
		return nil, err
	}
	end, err := r.book.begin(account)
	if err != nil {
		return nil, err
	}
	type outcome struct {
		trace *traceJSON
		err   error
	}
	done := make(chan outcome, 1)
	r.wg.Go(func() {
		defer end()
		ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
		defer cancel()
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
		case <-ctx.Done():
		}
		var t *traceJSON
		err := r.keeper.Run("trace "+id, func() (err error) {
			if t, err = r.runTrace(ctx, account, id, spec); err != nil {
				return err
			}
			t.ID, t.CreatedAt = id, begun
			r.book.keep(t)
			r.ran(t)
			return nil
		})
		done <- outcome{t, err}
	})
	select {
	case o := <-done:
		return o.trace, o.err
	case <-time.After(wait):
	case <-ctx.Done():
	}
	pending := first.unanswered().finish(account)
	pending.ID, pending.CreatedAt, pending.Done = id, begun, false
	return r.book.keep(pending), nil // meanwhile it may be done
}

// kept returns a trace of an account that this process has, nil if it has none of
// that id.
func (r *tracer) kept(account, id string) *traceJSON { return r.book.get(account, id) }

// unanswered is the trace before any host has answered.
func (t *tracing) unanswered() *tracing {
	for _, l := range t.legs {
		l.datapath.Verdict, l.datapath.Reason = "unknown", "no-answer"
		l.datapath.Detail = "the host has not answered yet"
	}
	return t
}
