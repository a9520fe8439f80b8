package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
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
	"github.com/ringfence/ringfence/httpapi/pages"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/replay"
	"github.com/ringfence/ringfence/httpapi/tracing"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Store is what the API needs of *store.Store.
type Store interface {
	Read(ctx context.Context, f func(*secgroup.Snapshot) error) error
	Update(ctx context.Context, plan func(*secgroup.Snapshot) ([]secgroup.Change, error), opts ...store.UpdateOption) (int64, error)
	Observe(f func(before *secgroup.Snapshot, b store.Batch) (applied func())) (stop func())
	realization.Board
	Cluster() store.Cluster
	AdoptCluster(ctx context.Context, notes ...store.NoteWrite) error
	PinLevel(ctx context.Context, pin store.Pin, notes ...store.NoteWrite) error
	UnpinLevel(ctx context.Context, notes ...store.NoteWrite) error
	Unreadable() []store.Unreadable
	DeleteHost(ctx context.Context, host string, notes ...store.NoteWrite) error
	WaitHosts(ctx context.Context, done func([]store.HostStatus) bool) error
	WaitEach(ctx context.Context, hosts []string, done func(*store.HostStatus) bool, stop func() bool) error
	Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error)
	ServeAsks(ctx context.Context, host string, answer store.Answerer) error
	Sync(ctx context.Context) error
	Check(ctx context.Context) error
	Condition() store.Condition
	Generation() int64
	Note(ctx context.Context, name string) (n store.Note, ok bool, err error)
	Notes(ctx context.Context, prefix, after string, limit int) ([]store.Note, error)
	CountNotes(ctx context.Context, prefix string) (int, error)
	TrimNotes(ctx context.Context, prefix string, keep int) error
	History(ctx context.Context, since int64, mark string, started func() error, each func(store.Event) error) error
	Unambiguous(ctx context.Context, rev int64) error
	Holds(ctx context.Context, rev int64) error
}

// Config is what an API is made of. Store and Tokens are needed.
type Config struct {
	Store    Store
	Tokens   transport.Identifier
	Logger   *slog.Logger         // slog.Default if nil
	Registry *prometheus.Registry // served at /metrics; a new one if nil
	Now      func() time.Time     // time.Now if nil
	NewID    func() string        // UUIDv7 if nil
	Audit    audit.Config
	Rate     transport.RateLimit // per account; none if zero

	Version string // of this program, which who asks for it is told

	// AccessLog has every request logged when it is answered.
	AccessLog bool
}

// API is the HTTP API. It is an http.Handler.
type API struct {
	store     Store
	tokens    transport.Identifier
	logger    *slog.Logger
	now       func() time.Time
	newID     func() string
	echo      *echo.Echo
	past      *realization.History
	ordered   pages.MemberOrder
	arrivals  *hoststate.Arrivals
	hour      *lasthour.Book
	metrics   *metrics
	keeper    inquiry.Keeper
	traces    *tracing.Tracer
	alarms    *alarm.Book
	watching  sync.WaitGroup // looks for conflicts, and alarms
	audit     audit.Config
	trim      *audit.Trimmer
	streams   streams
	rates     *transport.Rates
	questions *asking.Questions
	inspector *inspect.Inspector
	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	stop      func()
	loaded    atomic.Bool    // policy and hosts have been loaded once
	away      rate.Sometimes // logs why the store was not there for a request

	version   string
	accessLog bool

	keptAnswers, keptBytes int // bounds of what is kept for Idempotency-Keys
}

// errPanicked stands for a fault of ours that the log has.
var errPanicked = errors.New("an internal error of the API")

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

// SetRate has another bound hold from the next request on. Every account begins
// with a full bucket.
func (a *API) SetRate(l transport.RateLimit) { a.rates.Set(l) }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.echo.ServeHTTP(w, r) }

// processName is a name that no other process has: the random part of a UUID.
func processName() string {
	id := newUUID()
	return id[len(id)-12:]
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }

// echoError answers what Echo itself refuses: no route, no such method.
func (a *API) echoError(err error, ec echo.Context) {
	c := a.newCall(ec, route{})
	var he *echo.HTTPError
	if errors.As(err, &he) {
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
