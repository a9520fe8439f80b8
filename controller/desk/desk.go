// Package desk answers the questions that the API asks about a host: what the switch
// does with a packet (traces, and probes, which send one), what it drops, which flows
// and connections it has, and how much each rule has let through. It runs beside the
// controller's loop, which does the enforcing.
//
//	store ── question ──► Desk ──► Host: what the loop has in force
//	                       │  └──► Switch: connections of the questions' own
//	                       └─────► flows that report packets, while somebody looks
//
// A question may wait, fail or panic without holding up enforcement. The loop waits for
// a question only while that reads the loop's state (Host).
package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
)

// Asks is where questions come from. ServeAsks calls answer for each question to host
// until ctx ends.
type Asks interface {
	ServeAsks(ctx context.Context, host string, answer inquiry.Answerer) error
	// RefusedAsks counts the questions that were refused because too many waited.
	RefusedAsks() int64
}

// Config is what New needs besides the host and its switch.
type Config struct {
	Asks    Asks   // nil: nobody asks
	Host    string // name under which the host is asked
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: not exported
	// LinkLocals is called after each reading of the counters with the number of packets
	// that each NIC has sent from link-local addresses that are not its own. NICs that
	// sent none within the last hour are left out.
	LinkLocals func(packets map[string]uint64)
	Every      time.Duration // between two readings of counters; 0 for countEvery
	// Begun is called after each reading of the counters with the number of packets that
	// began a connection since a time, by account. It may be nil.
	Begun func(packets map[string]uint64, since time.Time)
}

// Desk answers questions while Run runs.
type Desk struct {
	cfg  Config
	log  *slog.Logger
	host Host
	sw   Switch

	keeper       inquiry.Keeper
	countingHits sync.Mutex
	hits         *hits

	linkLocals linkLocals

	reports *reportReader
	watch   *dropWatch
	probes  probes
}

// New returns a desk of a host and its switch. It answers nothing until Run is called.
func New(cfg Config, host Host, sw Switch) *Desk {
	if cfg.Every <= 0 {
		cfg.Every = countEvery
	}
	d := &Desk{cfg: cfg, log: cfg.Logger, host: host, sw: sw, hits: newHits(time.Now()), linkLocals: linkLocals{report: cfg.LinkLocals}}
	d.keeper = inquiry.Keeper{Log: d.log, Count: countQuestions(cfg).Inc, Answer: errPanicked}
	d.reports = &reportReader{deliver: d.packetIn}
	d.watch = newDropWatch(sw.Conn, d.reports, d.locate, sw.Settle, d.log)
	return d
}

// countQuestions registers the metrics about questions, and returns the counter of
// panics.
func countQuestions(cfg Config) (panics prometheus.Counter) {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "ringfence", Subsystem: "controller", Name: name, Help: help}
	}
	panics = prometheus.NewCounter(opts("panics_total", "Faults of ours met while questions were answered; each is in the log, with its stack."))
	if cfg.Metrics == nil {
		return panics
	}
	cfg.Metrics.MustRegister(panics)
	if cfg.Asks != nil {
		cfg.Metrics.MustRegister(prometheus.NewCounterFunc(
			opts("questions_refused_total", "Questions of APIs that were refused because too many waited already."),
			func() float64 { return float64(cfg.Asks.RefusedAsks()) }))
	}
	return panics
}

// Changed is called by the loop when it has compiled other flows: those of a drop watch
// may depend on them. It does not block.
func (d *Desk) Changed() { d.watch.refreshSoon() }

// Run answers questions and reads counters until ctx ends. Without Config.Asks it returns
// at once.
func (d *Desk) Run(ctx context.Context) error {
	if d.cfg.Asks == nil {
		return nil
	}
	defer d.reports.readers.Wait()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return d.persist(ctx, "questions", func(ctx context.Context) error { return d.cfg.Asks.ServeAsks(ctx, d.cfg.Host, d.answer) })
	})
	g.Go(func() error { return d.persist(ctx, "hits", d.runCountHits) })
	g.Go(func() error { return d.persist(ctx, "link-local addresses", d.runLinkLocals) })
	g.Go(func() error { return d.persist(ctx, "drop watch", d.watch.run) })
	return g.Wait()
}

// answer is the inquiry.Answerer. A panic becomes an error of this one question.
func (d *Desk) answer(ctx context.Context, kind string, body json.RawMessage) (answer json.RawMessage, err error) {
	err = d.keeper.Run("question "+kind, func() error {
		answer, err = d.answerKind(ctx, kind, body)
		return err
	})
	return answer, err
}

func (d *Desk) answerKind(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
	switch kind {
	case inquiry.KindTrace:
		return reply(ctx, body, d.trace)
	case inquiry.KindFlows:
		return reply(ctx, body, d.flows)
	case inquiry.KindConnections:
		return reply(ctx, body, d.connections)
	case inquiry.KindHits:
		return reply(ctx, body, d.ruleHits)
	case inquiry.KindDrops:
		return reply(ctx, body, d.drops)
	case inquiry.KindProbe:
		return reply(ctx, body, d.probe)
	}
	return nil, fmt.Errorf("this version does not answer questions of kind %q", kind)
}

// reply decodes a question and encodes its answer.
func reply[Q, A any](ctx context.Context, body json.RawMessage, answer func(context.Context, Q) (A, error)) (json.RawMessage, error) {
	var q Q
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, fmt.Errorf("question: %w", err)
	}
	a, err := answer(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// packetIn is called for each packet that a flow of a probe or of a drop watch has sent to
// the controller. The packet's sender chose its bytes, so a panic over them must not end
// the reader.
func (d *Desk) packetIn(p wire.PacketIn) {
	_ = d.keeper.Run("reports", func() error {
		r, ok := ofrules.ParseReport(p.UserData)
		if ok && p.Cookie&ofrules.KindMask == ofrules.WatchCookie && !d.probes.takeSighting(r, p) && r.Drop != 0 {
			d.watch.recordDrop(r, p)
		}
		return nil
	})
}
