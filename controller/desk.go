package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Asks brings questions to this host.
type Asks interface {
	ServeAsks(ctx context.Context, host string, answer store.Answerer) error
	// RefusedAsks counts the questions that were refused because too many waited.
	RefusedAsks() int64
}

// desk answers questions about what is installed, beside the engine.
type desk struct {
	*controller

	keeper   inquiry.Keeper
	counting sync.Mutex
	hits     *hits
	reports  *reports
	watch    *dropWatch
	settled  together // a settle of all who wait for one
	probes   probes

	mu       sync.RWMutex // held to change what follows; never while waiting
	compiler *ofrules.Compiler
	uplink   uint32
}

func newDesk(c *controller) *desk {
	d := &desk{controller: c, compiler: ofrules.New(), hits: newHits()}
	d.keeper = inquiry.Keeper{Log: c.log, Count: c.metrics.panics.Inc, Answer: errPanicked}
	d.reports = &reports{heard: d.hear}
	d.settled.work = c.newSettler(c.asked).settle
	d.watch = newDropWatch(c.link, d.reports, d.locate, d.settled.wait)
	return d
}

// compile runs fn, which changes the compiler, while no question reads it.
func (d *desk) compile(uplink uint32, fn func(*ofrules.Compiler)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.watch.kick()
	d.uplink = uplink
	fn(d.compiler)
}

// run answers until ctx ends.
func (d *desk) run(ctx context.Context) error {
	if d.cfg.Asks == nil {
		return nil
	}
	defer d.reports.readers.Wait()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return d.persist(ctx, "questions", func(ctx context.Context) error { return d.cfg.Asks.ServeAsks(ctx, d.cfg.Host, d.answer) })
	})
	g.Go(func() error { return d.persist(ctx, "hits", d.runCount) })
	g.Go(func() error { return d.persist(ctx, "drop watch", d.watch.run) })
	return g.Wait()
}

// answer is a store.Answerer.
func (d *desk) answer(ctx context.Context, kind string, body json.RawMessage) (answer json.RawMessage, err error) {
	err = d.keeper.Run("question "+kind, func() error {
		answer, err = d.answerKind(ctx, kind, body)
		return err
	})
	return answer, err
}

func (d *desk) answerKind(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
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

// hear takes what a flow of a probe or a watch reports. What is in the packet is
// its sender's choice.
func (d *desk) hear(p wire.PacketIn) {
	_ = d.keeper.Run("reports", func() error {
		r, ok := ofrules.ParseReport(p.UserData)
		if ok && p.Cookie&ofrules.KindMask == ofrules.WatchCookie && !d.probes.hear(r, p) && r.Drop != 0 {
			d.watch.hear(r, p)
		}
		return nil
	})
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

// names resolves the numbers in flows and marks, by the compiler as it is while
// read lasts.
type names struct {
	rule func(number uint32) *inquiry.Rule
	nic  func(number uint32) string
}

// read calls fn with the compiler's names and the host's ports.
func (d *desk) read(fn func(names, ofrules.Host)) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	fn(names{
		rule: d.ruleNumbered,
		nic: func(number uint32) string {
			id, _ := d.compiler.NIC(number)
			return id
		},
	}, ofrules.Host{Ports: d.compiler.Ports(), Uplink: d.uplink})
}

// rule resolves one number, at any time.
func (d *desk) rule(number uint32) *inquiry.Rule {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.ruleNumbered(number)
}

// ruleNumbered needs mu to be held.
func (d *desk) ruleNumbered(number uint32) *inquiry.Rule {
	r, ok := d.compiler.Rule(number)
	if !ok {
		return nil
	}
	return ruleOf(r)
}

func ruleOf(r secgroup.RuleRef) *inquiry.Rule {
	return &inquiry.Rule{Account: r.Group.Account, Group: r.Group.ID, ID: r.ID}
}
