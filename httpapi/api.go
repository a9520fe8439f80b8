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
	"github.com/ringfence/ringfence/httpapi/sse"
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
	Observe(f store.Observer) (stop func())
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
	ServeAsks(ctx context.Context, host string, answer inquiry.Answerer) error
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
	streams   sse.Open
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

// SetRate has another bound hold from the next request on. Every account begins
// with a full bucket.
func (a *API) SetRate(l transport.RateLimit) { a.rates.Set(l) }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.echo.ServeHTTP(w, r) }
