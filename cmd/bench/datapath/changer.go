package main

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/unixctl"
)

// changer makes changes to what a bridge enforces, as a host's controller does: a bundle, and
// then the wait until packets meet it.
type changer struct {
	conn     *ofconn.Conn
	ctl      *unixctl.Client
	compiler *ofrules.Compiler
	cache    *megaflow.Cache
	settler  *megaflow.Settler
	policy   policy
	touched  bool
}

// changer is for a bridge that has the flows of a policy.
func (s *site) changer(ctx context.Context, has policy) (*changer, error) {
	conn, err := ofconn.Dial(ctx, s.ovs.MgmtSock(s.name), ofconn.Options{})
	if err != nil {
		return nil, err
	}
	c := &changer{conn: conn, ctl: unixctl.Open(s.ovs.RunDir()), compiler: ofrules.New(), policy: has}
	c.cache = megaflow.NewCache(c.ctl, func() string { return unixctl.DatapathName("netdev") }, nil)
	c.cache.Misplaces(true) // Debian's Open vSwitch does
	c.settler = megaflow.NewSettler(c.ctl, func() *ofconn.Conn { return conn }, c.cache, slog.New(slog.DiscardHandler))
	go func() { _ = c.cache.Run(ctx) }()   // it ends with ctx
	go func() { _ = c.settler.Run(ctx) }() // so does this
	c.compile()
	return c, nil
}

func (c *changer) close() {
	c.conn.Close()
	c.ctl.Close()
}

func (c *changer) compile() ofrules.Delta {
	host := c.policy.host()
	return c.compiler.Reset(span.Span(c.policy.snapshot(), host.Name, maps.Keys(host.Ports)), host)
}

// change adds a rule, or takes it away again.
func (c *changer) change(ctx context.Context) error {
	c.policy.more = !c.policy.more
	kind := megaflow.Narrowed
	if c.policy.more {
		kind = megaflow.Widened
	}
	d := c.compile()
	mods := additions(d.Put)
	for _, f := range d.Delete {
		mods = append(mods, wire.DeleteFlow(f.Key()))
	}
	if err := c.conn.Bundle(ctx, mods); err != nil {
		return err
	}
	c.cache.Committed()
	return c.settler.Settle(ctx, kind)
}

// touch adds a flow that no packet comes to, or takes it away again, and waits for nothing:
// what a change costs whoever makes it, for Open vSwitch looks at all megaflows after each.
func (c *changer) touch(ctx context.Context) error {
	c.touched = !c.touched
	unused := of.Flow{Table: 250, Priority: 1}
	if c.touched {
		return c.conn.Bundle(ctx, additions([]of.Flow{unused}))
	}
	return c.conn.Bundle(ctx, []wire.FlowMod{wire.DeleteFlow(unused.Key())})
}

// every makes changes, at most that often, until what it returns is called, which tells how
// many there were.
func every(ctx context.Context, interval time.Duration, change func(context.Context) error) func() (float64, error) {
	done, result := make(chan struct{}), make(chan error, 1)
	made := 0
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				result <- nil
				return
			case <-tick.C:
				if err := change(ctx); err != nil {
					result <- err
					return
				}
				made++
			}
		}
	}()
	return func() (float64, error) {
		close(done)
		err := <-result
		return float64(made), err
	}
}
