package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/ringfence/ringfence/httpapi/alarm"
	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/audit"
	"github.com/ringfence/ringfence/httpapi/hoststate"
	"github.com/ringfence/ringfence/httpapi/inspect"
	"github.com/ringfence/ringfence/httpapi/lasthour"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/replay"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/tracing"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// New returns the API. Close it before its store.
func New(cfg Config) *API {
	a := &API{
		store: cfg.Store, tokens: cfg.Tokens, logger: cfg.Logger, now: cfg.Now, newID: cfg.NewID,
		echo: echo.New(), past: realization.NewHistory(), audit: cfg.Audit.WithDefaults(), rates: transport.NewRates(cfg.Rate), questions: asking.NewQuestions(),
		keptAnswers: replay.Answers, keptBytes: replay.Bytes, accessLog: cfg.AccessLog, version: cfg.Version,
		away: rate.Sometimes{First: 1, Interval: time.Second},
	}
	if a.logger == nil {
		a.logger = slog.Default()
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.newID == nil {
		a.newID = newUUID
	}
	registry := cfg.Registry
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	a.metrics = newMetrics(registry, a.store)
	a.keeper = inquiry.Keeper{Log: a.logger, Count: a.metrics.panics.Inc, Answer: errPanicked}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringfence_history_bytes", Help: "Estimated size of what is kept to undo the latest changes: pages of lists, and whom changes concern.",
	}, func() float64 { return float64(a.past.Size()) }))
	a.arrivals = hoststate.NewArrivals(a.now)
	a.hour = lasthour.New(a.now, a.arrivals.Late)
	a.inspector = &inspect.Inspector{
		Store: a.store, Keeper: a.keeper, Questions: a.questions, Now: func() time.Time { return a.now() }, Dropped: a.hour.Dropped,
	}
	registry.MustRegister(hoststate.Metrics{Store: a.store, Arrivals: a.arrivals, Now: func() time.Time { return a.now() }})
	a.echo.HideBanner, a.echo.HidePort = true, true
	a.echo.HTTPErrorHandler = a.echoError
	for _, r := range routes() {
		a.echo.Add(r.method, echoPath(r.path), a.handler(r))
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.traces = tracing.New(a.ctx, tracing.Config{
		Store: a.store, Past: a.past, Keeper: a.keeper, Logger: a.logger, Process: processName(), Ran: a.observeTrace,
		Now: func() time.Time { return a.now() }, NewID: func() string { return a.newID() },
	})
	a.trim = audit.NewTrimmer(a.logger, func(ctx context.Context, log string) error {
		return a.store.TrimNotes(ctx, log, a.audit.Entries)
	})
	a.store.Hosts() // has the store begin to follow them
	a.alarms = &alarm.Book{Store: a.store, Now: func() time.Time { return a.now() }}
	watch := alarm.NewConflicts(a.alarms, alarm.Config{Keeper: a.keeper, Logger: a.logger, NewID: func() string { return a.newID() }})
	stops := []func(){a.store.Observe(a.past.Record), a.store.Observe(watch.Observe), a.store.Observe(a.arrivals.Observe), a.store.Observe(a.hour.Observe)}
	a.stop = func() {
		for _, stop := range stops {
			stop()
		}
	}
	a.watching.Go(func() { watch.Run(a.ctx) })
	from := a.store
	a.watching.Go(func() { a.followActivity(a.ctx, from) })
	return a
}

// Close ends what the API has the store do, and event streams. Requests under
// way are not waited for: that is the HTTP server's business.
func (a *API) Close() {
	a.cancel()
	a.stop()
	a.trim.Close()
	a.traces.Wait()
	a.watching.Wait()
}

// processName is a name that no other process has: the random part of a UUID.
func processName() string {
	id := newUUID()
	return id[len(id)-12:]
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }

// maxBody bounds a request's body, in bytes.
const maxBody = 2 << 20

// handler makes an Echo handler of a route. It is the one place where errors
// are answered.
func (a *API) handler(r route) echo.HandlerFunc {
	return func(ec echo.Context) error {
		c := a.newCall(ec, r.access)
		defer c.answered(r.path)
		// A panic is an error like any other.
		if err := a.keeper.Run("request "+c.id, func() error { return c.serve(r) }); err != nil {
			c.fail(err)
		}
		return nil
	}
}

func (a *API) newCall(ec echo.Context, need transport.Access) *call {
	c := &call{api: a, echo: ec, req: ec.Request(), res: ec.Response(), access: need, begun: a.now(), history: a.store.Generation()}
	c.in = &transport.Input{Account: c.param("account"), Path: c.req.URL.EscapedPath(), Param: c.param, Given: c.body}
	c.id = transport.RequestID(c.req.Header, a.newID)
	h := c.res.Header()
	h.Set("X-Request-Id", c.id)
	h.Set("X-Content-Type-Options", "nosniff")
	return c
}

// serve admits the call and runs the route's handler.
func (c *call) serve(r route) error {
	c.req.Body = http.MaxBytesReader(c.res, c.req.Body, maxBody)
	var err error
	if c.who, err = c.authorize(c.access); err != nil {
		return err
	}
	if r.access != transport.Open {
		if err := c.api.rates.Admit(c.who.Account, c.begun); err != nil {
			return err
		}
	}
	if err := c.in.ReadParameters(c.req.URL.RawQuery, r.query); err != nil {
		return err
	}
	if r.access != transport.Open && r.path != metricsPath && r.path != whoamiPath {
		if err := c.inContact(); err != nil {
			return err
		}
	}
	return r.does.run(c)
}

// fail answers with an error, and logs what the caller is not told.
func (c *call) fail(err error) {
	p, public := transport.ProblemOf(err)
	if p.Status == http.StatusNotFound {
		p = c.missing(p)
	}
	if gone := c.req.Context().Err() != nil; !public && !gone { // who asked does not wait any more
		c.api.logger.Error("request failed", "request_id", c.id, "method", c.req.Method, "path", c.req.URL.Path, "error", err)
	}
	if errors.Is(err, store.ErrUnavailable) { // who asked is not told where the store is
		c.api.away.Do(func() {
			c.api.logger.Warn("the store was not there for a request", "request_id", c.id, "method", c.req.Method, "path", c.req.URL.Path, "error", err)
		})
	}
	p.Dependents = c.ownDependents(p.Dependents)
	if !c.res.Committed {
		p.Write(c.res, c.req.URL.Path, c.id)
	}
}

// missing is what to say of an object that is not there. The NIC or the network that the path
// names may be one whose record cannot be read, and of which nothing was known before: that
// is no reason to make it anew. Whose such a NIC is cannot be told, so that only who sees all
// accounts hears of it.
func (c *call) missing(p *transport.Problem) *transport.Problem {
	if c.who.Account != tokens.AllAccounts {
		return p
	}
	nic, network := c.param("nic"), c.param("network")
	for _, u := range c.api.store.Unreadable() {
		if u.Object != secgroup.NICKey(nic) && u.Object != secgroup.NetworkKey(network) {
			continue
		}
		unknown := false
		err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
			account := c.param("account")
			unknown = (account == "" || s.Account(account) != nil) && (u.Object.Kind == secgroup.KindNIC && s.NIC(nic) == nil || u.Object.Kind == secgroup.KindNetwork && s.Network(network) == nil)
			return nil
		})
		if err == nil && unknown {
			p, _ = transport.ProblemOf(u.Refusal("read"))
		}
	}
	return p
}

// answered counts a request, and logs it where that is wanted.
func (c *call) answered(route string) {
	c.api.metrics.observe(route, c.req.Method, c.res.Status, c.api.now().Sub(c.begun))
	c.logAnswer()
}

// logAnswer is a line of the access log: who asked for what, and what came of it.
// It has no body, and of the token its name alone. What a request is about that
// changes something, and what that was, is in the audit log.
func (c *call) logAnswer() {
	if !c.api.accessLog {
		return
	}
	line := []any{
		"request_id", c.id, "method", c.req.Method, "path", c.req.URL.Path, "status", c.res.Status, "bytes", c.res.Size,
		"seconds", c.api.now().Sub(c.begun).Seconds(), "remote", c.req.RemoteAddr,
	}
	if c.req.URL.RawQuery != "" {
		line = append(line, "query", c.req.URL.RawQuery)
	}
	if c.who.Name != "" {
		line = append(line, "token", c.who.Name, "account", c.who.Account)
	}
	if trace, _ := transport.Traced(c.req.Header); trace != "" {
		line = append(line, "trace_id", trace)
	}
	c.api.logger.Log(c.req.Context(), slog.LevelInfo, "request", line...)
}

// echoError answers what Echo itself refuses: no route, no such method.
func (a *API) echoError(err error, ec echo.Context) {
	c := a.newCall(ec, transport.Open)
	if he, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch he.Code {
		case http.StatusNotFound:
			err = transport.NotFound()
		case http.StatusMethodNotAllowed:
			p := transport.Refuse(he.Code, transport.CodeMethodNotAllowed, "the resource does not have this method")
			err = p.With("Allow", ec.Response().Header().Get("Allow"))
		}
	}
	c.fail(err)
	c.answered("none")
}
