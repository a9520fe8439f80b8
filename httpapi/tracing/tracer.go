package tracing

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

// Store is what is asked of *store.Store.
type Store interface {
	Read(ctx context.Context, f func(*secgroup.Snapshot) error) error
	Places(nic string) []store.Place
	Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error)
	ServeAsks(ctx context.Context, host string, answer inquiry.Answerer) error
}

// Config is what a tracer is made of. All is needed.
type Config struct {
	Store   Store
	Past    *realization.History
	Keeper  inquiry.Keeper
	Logger  *slog.Logger
	Now     func() time.Time
	NewID   func() string
	Process string // a name that no other process has, of 12 letters and digits
	// Ran is called with each trace that has run, before it is answered.
	Ran func(*Trace)
}

// Tracer runs traces, and keeps them to be read again, here and by other processes.
type Tracer struct {
	Config  Config
	Timeout time.Duration // of each trace; set before the first
	ctx     context.Context
	slots   chan struct{}
	wg      sync.WaitGroup
	book    *book
	serve   sync.Once // other processes
}

// New returns a tracer that works until ctx ends.
func New(ctx context.Context, cfg Config) *Tracer {
	return &Tracer{Config: cfg, Timeout: traceTimeout, ctx: ctx, slots: make(chan struct{}, tracesRunning), book: newBook()}
}

// Wait waits for all that runs, when ctx has ended.
func (r *Tracer) Wait() { r.wg.Wait() }

// Run runs a trace of an account. If some host has not answered after a while it
// returns what is known by then, which is not done; the trace goes on.
func (r *Tracer) Run(ctx context.Context, account string, spec *Spec, wait time.Duration) (*Trace, error) {
	id, begun := r.newTraceID(), r.Config.Now().UTC()
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
		trace *Trace
		err   error
	}
	done := make(chan outcome, 1)
	r.wg.Go(func() { //nolint:contextcheck // the trace goes on when who asked has gone
		defer end()
		ctx, cancel := context.WithTimeout(r.ctx, r.Timeout)
		defer cancel()
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
		case <-ctx.Done():
		}
		var t *Trace
		err := r.Config.Keeper.Run("trace "+id, func() (err error) {
			if t, err = r.work(ctx, account, id, spec); err != nil {
				return err
			}
			t.ID, t.CreatedAt = id, begun
			r.book.keep(t)
			r.Config.Ran(t)
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

// Kept returns a trace of an account that this process has, nil if it has none of
// that id.
func (r *Tracer) Kept(account, id string) *Trace { return r.book.get(account, id) }

// unanswered is the trace before any host has answered.
func (t *draft) unanswered() *draft {
	for _, l := range t.legs {
		l.datapath.Verdict, l.datapath.Reason = "unknown", "no-answer"
		l.datapath.Detail = "the host has not answered yet"
	}
	return t
}

// newTraceID is an id that tells where the trace is.
func (r *Tracer) newTraceID() string {
	// Nobody asks before there is a trace.
	r.serve.Do(func() { r.wg.Go(r.serveTraces) })
	return r.Config.NewID() + "." + r.Config.Process
}
