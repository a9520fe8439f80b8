package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/transport"
)

// traceWait is how long a POST waits for slow hosts before it answers 202.
const traceWait = 2 * time.Second

// Bounds of the traces that are kept to be read again.
const (
	tracesKept    = 1000 // of all accounts
	tracesKeptOf  = 200  // of one
	traceKeptFor  = 10 * time.Minute
	tracesRunning = 256 // at a time; the others wait
	tracesOf      = 128 // that an account may have running or waiting
)

// traceBook runs traces and keeps them for a while; see traceShare.
type traceBook struct {
	ctx     context.Context // ends with the API
	timeout time.Duration   // of each trace
	slots   chan struct{}
	wg      sync.WaitGroup

	mu    sync.Mutex
	byID  map[string]*traceJSON
	order map[string][]string // by account, the oldest first
	open  map[string]int      // that run or wait, by account
}

func newTraceBook(ctx context.Context) *traceBook {
	return &traceBook{ctx: ctx, timeout: traceTimeout, slots: make(chan struct{}, tracesRunning), byID: map[string]*traceJSON{}, order: map[string][]string{}, open: map[string]int{}}
}

// keep keeps a trace and returns the one that is kept: an unfinished one does not
// replace its finished self.
func (b *traceBook) keep(t *traceJSON) *traceJSON {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch old := b.byID[t.ID]; {
	case old == nil:
		b.order[t.Account] = append(b.order[t.Account], t.ID)
	case old.Done:
		return old
	}
	b.byID[t.ID] = t
	for account, ids := range b.order {
		for len(ids) > 0 && (len(ids) > tracesKeptOf || t.CreatedAt.Sub(b.byID[ids[0]].CreatedAt) > traceKeptFor) {
			b.dropOldest(account)
			ids = b.order[account]
		}
	}
	for len(b.byID) > tracesKept {
		most := ""
		for account, ids := range b.order {
			if len(ids) > len(b.order[most]) {
				most = account
			}
		}
		b.dropOldest(most)
	}
	return t
}

// dropOldest forgets the oldest trace of an account.
func (b *traceBook) dropOldest(account string) {
	ids := b.order[account]
	delete(b.byID, ids[0])
	if b.order[account] = ids[1:]; len(ids) == 1 {
		delete(b.order, account)
	}
}

// begin takes a trace of an account, of which end is to be called when it has run.
func (b *traceBook) begin(account string) (end func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[account] >= tracesOf {
		return nil, transport.TooMany(fmt.Sprintf("%d traces of the account run or wait, which is the limit", tracesOf), time.Second)
	}
	b.open[account]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.open[account]--; b.open[account] == 0 {
			delete(b.open, account)
		}
	}, nil
}

func (b *traceBook) get(account, id string) *traceJSON {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.byID[id]; t != nil && t.Account == account {
		return t
	}
	return nil
}

type traceOutcome struct {
	trace *traceJSON
	err   error
}

// postTrace answers 201 when all hosts have answered, or will not; 202 while some
// may still.
func postTrace(c *call) error {
	n, r, err := c.in.objectBody()
	if err != nil {
		return err
	}
	spec := readTrace(r, n)
	if len(r.Faults) > 0 {
		return r.Faults
	}
	spec.platform = c.who.Account == tokens.AllAccounts
	if err := c.mayProbe(&spec); err != nil {
		return err
	}
	wait, asked := c.preferredWait()
	if !asked {
		wait = traceWait
	}
	a, id, account, begun := c.api, c.api.newTraceID(), c.in.account, c.api.now().UTC()
	// What can be said at once: also whether the request makes sense.
	first, err := a.tracePolicy(c.req.Context(), account, &spec)
	if err != nil {
		return err
	}
	end, err := a.traces.begin(account)
	if err != nil {
		return err
	}
	done := make(chan traceOutcome, 1)
	a.traces.wg.Go(func() {
		defer end()
		ctx, cancel := context.WithTimeout(a.traces.ctx, a.traces.timeout)
		defer cancel()
		select {
		case a.traces.slots <- struct{}{}:
			defer func() { <-a.traces.slots }()
		case <-ctx.Done():
		}
		var t *traceJSON
		err := a.keeper.Run("trace "+id, func() (err error) {
			if t, err = a.runTrace(ctx, account, id, &spec); err != nil {
				return err
			}
			t.ID, t.CreatedAt = id, begun
			a.traces.keep(t)
			a.observeTrace(t)
			return nil
		})
		done <- traceOutcome{t, err}
	})
	location := c.in.below(id)
	select {
	case o := <-done:
		if o.err != nil {
			return o.err
		}
		return c.made(http.StatusCreated, location, o.trace)
	case <-time.After(wait):
	case <-c.req.Context().Done():
	}
	pending := first.unanswered().finish(account)
	pending.ID, pending.CreatedAt, pending.Done = id, begun, false
	if t := a.traces.keep(pending); t.Done { // meanwhile
		return c.made(http.StatusCreated, location, t)
	}
	return c.made(http.StatusAccepted, location, pending)
}

// made answers with something that was made, and where it is. It is not kept for
// an Idempotency-Key: a question changes nothing, and leaves nothing in the store.
func (c *call) made(status int, location string, v any) error {
	body, err := strictjson.Encode(v)
	if err != nil {
		return err
	}
	c.res.Header().Set("Location", location)
	return c.answer(status, body)
}

// unanswered is the trace before any host has answered.
func (t *tracing) unanswered() *tracing {
	for _, l := range t.legs {
		l.datapath.Verdict, l.datapath.Reason = "unknown", "no-answer"
		l.datapath.Detail = "the host has not answered yet"
	}
	return t
}

func getTrace(c *call) error {
	c.res.Header().Set("Cache-Control", "no-store")
	if t := c.api.traces.get(c.in.account, c.in.param("trace")); t != nil {
		return c.json(t)
	}
	raw, err := c.api.keptElsewhere(c.req.Context(), c.in.account, c.in.param("trace"))
	switch {
	case err != nil:
		return err
	case raw == nil:
		return transport.NotFound()
	}
	return c.answer(http.StatusOK, append(raw, '\n'))
}

// observeTrace counts a trace and raises the alarm where the datapath does not do
// what the policy says.
func (a *API) observeTrace(t *traceJSON) {
	a.metrics.traces.WithLabelValues(string(t.Verdict)).Inc()
	if t.Agreement == nil || *t.Agreement {
		return
	}
	a.metrics.disagreements.Inc()
	a.logger.Error("a trace shows that the datapath does not do what the policy says", "event", alarmDisagreement,
		"trace", t.ID, "account", t.Account, "revision", t.Revision, "legs", t.differing)
	a.traces.wg.Go(func() {
		if err := a.keeper.Run("alarm", func() error { return a.raise(a.traces.ctx, t) }); err != nil && a.traces.ctx.Err() == nil {
			a.logger.Warn("no event made of a disagreement", "trace", t.ID, "error", err)
		}
	})
}
