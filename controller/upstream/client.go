// Package upstream is a host's end of the one stream that it has to a relay: its
// share of the policy comes down, with questions, and what is plugged, applied and to
// be said of the host goes up, with answers.
//
//	Follow ── session ── session ── ...      one at a time, with any of the relays
//	             │ hello, then:
//	             ├─ receive ──► share.Handler, questions, judgements, plugs elsewhere
//	             ├─ send ◄───── Plug, Applied, PutHost, answers, Judge
//	             └─ attend ───► is the relay alive? else another one is looked for
//
// A lost stream changes nothing of what the host enforces. On the next one the host
// says what it has, and is told what differs from that, or by a relay that does not
// know how to its whole share; a relay that would bring it older policy of the same
// store is left for another one.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// ErrAway says that there is no stream to a relay now.
var ErrAway = errors.New("no relay is reached")

// Waits between attempts: somewhere between half of them and all of it, so that the
// hosts of a relay that is lost do not all come at once. They leave room for a
// revocation to be in force within a second of a relay being there again.
const (
	lostWait     = 200 * time.Millisecond // after a stream, and doubling from there
	mostWait     = 800 * time.Millisecond
	refusedFirst = time.Second // where every relay has refused the host for good, and doubling from there
	refusedMost  = 10 * time.Second
	logEvery     = 10 * time.Second // between two lines of the log about it
)

// Config says who the host is, and which relays there are.
type Config struct {
	Relays []string // host:port, any of which serves
	Host   string
	// Token returns the host's token, "" if it has none. It is asked for each stream.
	Token func() (string, error)
	// TLS returns how a relay is reached, nil for connections that everybody on their
	// way can read and change.
	TLS     func() *tls.Config
	Version string // of the program
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: not exported

	timing timing
}

// Client is the host's end of the stream. To the loop it is the share.Source and the
// revoke.Judge; the reporter gives it reports, and it brings questions to the desk.
type Client struct {
	cfg     Config
	log     *slog.Logger
	metrics metrics
	refused atomic.Int64 // questions

	mu         sync.Mutex
	changed    chan struct{}         // closed, and another one, when any of these changes
	to         share.Handler         // nil before Follow
	plugged    map[string]*wire.Plug // by NIC; nil: nobody has said it yet
	plugs      uint64                // number of what was said last of it
	status     *store.HostStatus     // nil: nobody has said it yet
	answer     inquiry.Answerer      // nil: nobody answers
	has        *wire.Point           // what was handed on last, or what the host is known to have
	reached    int64                 // revision to which nothing more than that concerns the host
	now        *session              // nil: there is none
	updates    uint64                // that were handed on
	next       string                // relay to go to, "" for any
	away       away
	unreadable unreadable
	elsewhere  plugsElsewhere
}

// New returns a client that goes to a relay when it is followed.
func New(cfg Config) (*Client, error) {
	if len(cfg.Relays) == 0 || cfg.Host == "" || cfg.Token == nil || cfg.TLS == nil {
		return nil, errors.New("upstream: no relay, no host, or no credentials")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.timing = cfg.timing.withDefaults()
	return &Client{
		cfg: cfg, log: cfg.Logger, metrics: newMetrics(cfg.Metrics), changed: make(chan struct{}),
		has: &wire.Point{}, unreadable: unreadable{}, away: away{since: time.Now()},
	}, nil
}

// wake wakes those in await. The caller holds mu.
func (c *Client) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Had is called before Follow with the policy of the kept share, which the host enforces
// already: no relay is to bring it an older one of the same store.
func (c *Client) Had(revision int64, mark, epoch string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has.GetRevision() == 0 {
		c.has = &wire.Point{Revision: revision, Mark: mark, Epoch: epoch}
	}
}

// Follow implements share.Source: it has one stream after the other, with whichever relay
// takes the host in, until ctx ends.
func (c *Client) Follow(ctx context.Context, h share.Handler) error {
	c.mu.Lock()
	c.to = h
	c.wake()
	c.mu.Unlock()
	if err := c.ready(ctx); err != nil {
		return err
	}
	at, wait, refusals := rand.IntN(len(c.cfg.Relays)), lostWait, 0
	var said time.Time
	for {
		relay := c.choose(at)
		at++
		began := time.Now()
		took, err := c.attach(ctx, relay)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.detached(took, err)
		if took {
			wait, said = lostWait, time.Time{}
		}
		if time.Since(said) > logEvery {
			c.log.Warn("no stream to a relay; the host goes on with what it has, and tries again", "relay", relay, "error", err, "after", time.Since(began).Round(time.Millisecond))
			said = time.Now()
		}
		if c.answeringKnown() {
			continue
		}
		pauseFor := wait/2 + rand.N(wait/2+1)
		var no *refusal
		if errors.As(err, &no) {
			refusals++
		} else {
			refusals = 0
		}
		if rounds := refusals / len(c.cfg.Relays); rounds > 0 { // by all of them
			pauseFor = max(pauseFor, no.wait(rounds))
		}
		if err := pause.For(ctx, pauseFor); err != nil {
			return err
		}
		wait = min(2*wait, mostWait)
	}
}

// answeringKnown tells whether a relay is known to answer, which need not be waited for.
func (c *Client) answeringKnown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next != ""
}

// choose is the relay to go to: the one that is known to answer, else the next of all.
func (c *Client) choose(at int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	relay := c.next
	if c.next = ""; relay != "" {
		return relay
	}
	return c.cfg.Relays[at%len(c.cfg.Relays)]
}

// ready waits until it is known what there is to say.
func (c *Client) ready(ctx context.Context) error {
	return c.await(ctx, func() bool { return c.plugged != nil && c.status != nil })
}

// await waits until done, which is called with the lock, says so.
func (c *Client) await(ctx context.Context, done func() bool) error {
	for {
		c.mu.Lock()
		changed, is := c.changed, done()
		c.mu.Unlock()
		if is {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// session is the stream that there is, nil for none.
func (c *Client) session() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// metrics are those of a client.
type metrics struct {
	connected prometheus.Gauge
	streams   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "ringfence", Subsystem: "controller", Name: "relay_connected",
			Help: "1 while the controller has a stream to a relay.",
		}),
		streams: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "ringfence", Subsystem: "controller", Name: "relay_streams_total",
			Help: "Streams to relays that were begun.",
		}),
	}
	if r != nil {
		r.MustRegister(m.connected, m.streams)
	}
	return m
}
