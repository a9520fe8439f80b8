package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// Policy brings the policy, as *store.Store does.
type Policy interface {
	Follow(ctx context.Context, h store.Handler) error
	// Latest asks etcd for the revision of its latest mutation.
	Latest(ctx context.Context) (int64, error)
	// Lost tells whether etcd does not have the latest of these writes any more.
	Lost(ctx context.Context, seen []store.Write) (bool, error)
	// FollowEpoch tells which history etcd has, whenever that is another one.
	FollowEpoch(ctx context.Context, tell func(epoch string)) error
}

// encodedMost is how many bytes are kept, twice, of what was encoded for hosts.
const encodedMost = 8 << 20

// Config is what a Relay is made of. Policy and Hosts are needed.
type Config struct {
	Policy  Policy
	Hosts   Identifier
	Board   Board  // nil: nobody is told of the hosts
	Name    string // of this relay, like no other's
	Version string // of the program
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: not exported

	timing timing
}

// timing is what tests shorten.
type timing struct {
	hello time.Duration // within which a host must say who it is
	prove time.Duration // between two checks of a host's credential
	seat  time.Duration // after which a host whose name another machine has may try again

	report time.Duration // within which the store is written what nobody waits for
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.timing.hello <= 0 {
		c.timing.hello = 10 * time.Second
	}
	if c.timing.prove <= 0 {
		c.timing.prove = 5 * time.Second
	}
	if c.timing.seat <= 0 {
		c.timing.seat = 5 * time.Second
	}
	if c.timing.report <= 0 {
		c.timing.report = reportEvery
	}
	return c
}

// Relay serves hosts. It is the gRPC service Hosts.
type Relay struct {
	wire.UnimplementedHostsServer
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	loaded  chan struct{}              // closed when the policy is known
	secure  atomic.Pointer[tls.Config] // with which hosts are served, nil: without

	mu       sync.Mutex
	policy   *secgroup.Snapshot // only Handle changes it
	index    *span.Index        // of policy; nil until that is known
	at       point
	epochs   epochs
	encoder  *wire.Encoder
	changed  chan struct{} // closed when at is another one, or somebody has applied something
	sessions map[string]*session
	plugs    plugs

	// What the store is to be told, see report.go.
	dirty   map[*session]struct{}       // hosts to be reported
	left    map[string]store.HostStatus // hosts that left, with their last reports
	behind  map[string]int64            // the revision of hosts that are not at the relay's
	further map[string]store.Further    // how much further some NICs of these hosts are

	progress bool // hosts have applied what the store was not told of

	expected        map[string]int      // hosts that are about to attach
	standingWritten store.RelayStanding // as it was written last
	standingChanged chan struct{}       // closed when it is written again
}

// New makes a Relay, which serves nobody before Run has the policy.
func New(cfg Config) (*Relay, error) {
	if cfg.Policy == nil || cfg.Hosts == nil {
		return nil, errors.New("relay: no policy, or nobody who knows hosts")
	}
	cfg = cfg.withDefaults()
	r := &Relay{
		cfg: cfg, log: cfg.Logger, loaded: make(chan struct{}), policy: secgroup.NewSnapshot(),
		changed: make(chan struct{}), sessions: map[string]*session{}, plugs: newPlugs(), encoder: wire.NewEncoder(encodedMost),
		dirty: map[*session]struct{}{}, left: map[string]store.HostStatus{}, behind: map[string]int64{}, further: map[string]store.Further{},
		expected: map[string]int{}, standingChanged: make(chan struct{}),
	}
	r.metrics = newMetrics(r)
	return r, nil
}

// Run follows the policy, and tells the store of the hosts, until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.cfg.Policy.Follow(ctx, (*feed)(r)) })
	g.Go(func() error { return r.cfg.Policy.FollowEpoch(ctx, r.setEpoch) })
	if r.cfg.Board != nil {
		g.Go(func() error { return r.reportHosts(ctx) })
		g.Go(func() error { return r.cfg.Board.ServeManyAsks(ctx, r.answererOf) })
		g.Go(func() error { return r.syncPlugs(ctx) })
	}
	return g.Wait()
}

// point is a state of the policy: a revision, and the mark of the write that it is.
type point struct {
	revision int64
	mark     string
}

// wakeAll wakes all goroutines that wait for hosts or the policy to change. The caller
// holds mu.
func (r *Relay) wakeAll() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Hosts is how many hosts are attached.
func (r *Relay) Hosts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions)
}
