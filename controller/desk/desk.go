// Package desk answers people's questions about a host, beside the loop that
// enforces: what the switch does with a packet (traces, and probes that send one),
// what it drops, which flows and connections there are, and what rules let through.
//
//	store ── question ──► Desk ──► Host: what the loop has in force
//	                       │  └──► Switch: connections of the questions' own
//	                       └─────► flows that report, while somebody looks
//
// A question may wait, fail or panic: nothing that enforces waits for it, but for
// the moment in which it reads what is in force.
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
	"github.com/ringfence/ringfence/store"
)

// Asks brings questions to this host.
type Asks interface {
	ServeAsks(ctx context.Context, host string, answer store.Answerer) error
	// RefusedAsks counts the questions that were refused because too many waited.
	RefusedAsks() int64
}

// Config says where questions come from, and where faults go.
type Config struct {
	Asks    Asks   // nil: nobody asks
	Host    string // name under which the host is asked
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: not exported
	// LinkLocals is told now and then how many packets NICs sent from link-local
	// addresses that are not their own, of those NICs that did within the last hour.
	LinkLocals func(packets map[string]uint64)
	Every      time.Duration // between two readings of counters; 0 for countEvery
	// Begun is told now and then how many packets began a connection, by account,
	// since when. Nil: nobody wants to know.
	Begun func(packets map[string]uint64, since time.Time)
}

// Desk answers questions.
type Desk struct {
	cfg  Config
	log  *slog.Logger
	host Host
	sw   Switch

	keeper   inquiry.Keeper
	counting sync.Mutex
	hits     *hits

	linkLocals linkLocals

	reports *reports
	watch   *dropWatch
	probes  probes
}

// New returns a desk that answers once it runs.
func New(cfg Config, host Host, sw Switch) *Desk {
	if cfg.Every <= 0 {
		cfg.Every = countEvery
	}
	d := &Desk{cfg: cfg, log: cfg.Logger, host: host, sw: sw, hits: newHits(time.Now()), linkLocals: linkLocals{told: cfg.LinkLocals}}
	d.keeper = inquiry.Keeper{Log: d.log, Count: countQuestions(cfg).Inc, Answer: errPanicked}
	d.reports = &reports{heard: d.packetIn}
	d.watch = newDropWatch(sw.Conn, d.reports, d.locate, sw.Settle, d.log)
	return d
}

// countQuestions exports what is counted of questions, and returns the counter of
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

// Changed says that other flows were compiled. It waits for nothing.
func (d *Desk) Changed() { d.watch.kick() }

// Run answers until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	if d.cfg.Asks == nil {
		return nil
	}
	defer d.reports.readers.Wait()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return d.persist(ctx, "questions", func(ctx context.Context) error { return d.cfg.Asks.ServeAsks(ctx, d.cfg.Host, d.answer) })
	})
	g.Go(func() error { return d.persist(ctx, "hits", d.runCount) })
	g.Go(func() error { return d.persist(ctx, "link-local addresses", d.runLinkLocals) })
	g.Go(func() error { return d.persist(ctx, "drop watch", d.watch.run) })
	return g.Wait()
}

// answer is a store.Answerer.
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

// packetIn takes what a flow of a probe or a watch reports. What is in the packet is
// its sender's choice.
func (d *Desk) packetIn(p wire.PacketIn) {
	_ = d.keeper.Run("reports", func() error {
		r, ok := ofrules.ParseReport(p.UserData)
		if ok && p.Cookie&ofrules.KindMask == ofrules.WatchCookie && !d.probes.sighted(r, p) && r.Drop != 0 {
			d.watch.dropped(r, p)
		}
		return nil
	})
}

// rule names the rule of a number, at any time.
func (d *Desk) rule(number uint32) (r *inquiry.Rule) {
	d.host.Compiled(func(c Compiled, _ uint32) { r = ruleOf(c, number) })
	return r
}

// ruleOf names the rule of a number in a flow or a mark, nil if there is none now.
func ruleOf(c Compiled, number uint32) *inquiry.Rule {
	r, ok := c.Rule(number)
	if !ok {
		return nil
	}
	return &inquiry.Rule{Account: r.Group.Account, Group: r.Group.ID, ID: r.ID}
}
