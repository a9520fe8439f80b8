// Package controller is the loop of one host. It makes the flows of br-int what
// the policy says, keeps them so, judges open connections again when a change
// takes something away, and reports which policy revision is in force.
//
//	policy ─ Source ──► share ───┐                       ┌─► br-int (one bundle)
//	ovsdb ── watch ───► plugs ───┼─► step: compile, diff ┤
//	br-int ─ monitor ─► drift ───┘                       └─► sweeper: connections
//	                                                             │ applied
//	API ◄─── status ────────────────── reporter ◄────────────────┘
//
// There is one way to the switch: desired → diff → bundle, at the start, in
// steady state and after every reconnect alike. While anything is unknown
// (policy not read yet, switch away) the flows stay as they are.
//
// What people ask is answered beside the loop, by package desk.
package controller

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/controller/kept"
	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/controller/ownership"
	"github.com/ringfence/ringfence/controller/policing"
	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// controller holds what the goroutines of Run share.
type controller struct {
	cfg      Config
	log      *slog.Logger
	share    *share.Held
	kept     *kept.Keeper // nil: nothing is kept
	plugs    *plugs
	policing *policing.Keeper
	link     *link
	zones    *zones
	cache    *megaflow.Cache
	settler  *megaflow.Settler // with ctl
	sweeper  *revoke.Sweeper
	compiled *compiled
	desk     *desk.Desk
	ready    *elsewhere.Ready
	newest   *elsewhere.Newest
	witness  *witness
	report   *reporter
	metrics  *metrics
	ctl      *unixctl.Client // of what enforces
	asked    *asked
	tally    *connCounter
	wake     chan struct{}
}

// Run keeps the bridge until ctx ends; the flows stay in place then. It returns
// early only if the configuration makes no sense or the policy cannot be read.
func Run(ctx context.Context, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	c := newController(cfg)
	defer c.ctl.Close()
	defer c.asked.ctl.Close()
	stopped := ctx.Err
	lock, err := ownership.Acquire(ctx, ownership.Bridge{RunDir: cfg.RunDir, Name: cfg.Bridge, Host: cfg.Host}, c.log, c.metrics.waiting)
	if err != nil {
		if stopped() != nil {
			return nil
		}
		return fmt.Errorf("controller: %w", err)
	}
	defer lock.Release()
	if c.report.status.Instance, err = ownership.Instance(cfg.RunDir, cfg.Bridge); err != nil {
		return fmt.Errorf("controller: instance: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return lock.Watch(ctx, cfg.Host) })
	g.Go(func() error { return c.cfg.Share.Follow(ctx, c.share) })
	g.Go(func() error { return c.plugs.run(ctx) })
	g.Go(func() error { return c.policing.Run(ctx) })
	g.Go(func() error { return c.link.run(ctx) })
	g.Go(func() error { return c.cache.Run(ctx) })
	g.Go(func() error { return c.settler.Run(ctx) })
	g.Go(func() error { return c.sweeper.Run(ctx) })
	g.Go(func() error { return c.report.run(ctx) })
	g.Go(func() error { return c.desk.Run(ctx) })
	g.Go(func() error { return c.tally.run(ctx) })
	g.Go(func() error { return c.ready.Run(ctx) })
	if cfg.Plugs != nil {
		g.Go(func() error { return c.newest.Run(ctx) })
	}
	if cfg.History != nil {
		g.Go(func() error { return c.witness.run(ctx) })
	}
	g.Go(func() error { return newEngine(c).run(ctx) })
	if err := g.Wait(); stopped() == nil {
		return fmt.Errorf("controller: %w", err)
	}
	return nil
}

func newController(cfg Config) *controller {
	c := &controller{cfg: cfg, log: cfg.Logger.With("host", cfg.Host), wake: make(chan struct{}, 1)}
	if cfg.ShareFile != "" {
		c.kept = kept.New(cfg.Share, kept.Config{
			File: cfg.ShareFile, Host: cfg.Host, From: cfg.ShareSources, Logger: c.log, Patience: cfg.timing.sharePatience,
			Problem: func(err error) { c.report.problem("kept share", err) },
		})
		cfg.Share, c.cfg.Share = c.kept, c.kept
	}
	c.ctl = unixctl.Open(cfg.RunDir)
	c.metrics = newMetrics(cfg.Metrics)
	c.plugs = newPlugs(cfg, c.log, c.notify)
	c.policing = policing.NewKeeper(policing.Config{
		Limit: cfg.NICPackets, Write: c.plugs.police,
		Polices: policing.Kernel{Process: func() (string, error) { return vswitchd(cfg.RunDir) }}.Polices,
		Problem: func(err error) { c.report.problem("packet limit", err) },
	})
	c.plugs.also = c.policing.See
	c.link = &link{path: filepath.Join(cfg.RunDir, cfg.Bridge+".mgmt"), log: c.log, notify: c.notify, drift: newDrift()}
	c.zones = &zones{
		grace: cfg.timing.zoneGrace,
		write: c.plugs.writeZones,
		flush: func(ctx context.Context, zone uint16) error { return c.datapath().FlushZone(ctx, zone) },
	}
	c.cache = megaflow.NewCache(c.ctl, c.datapathName, cfg.Metrics)
	c.report = newReporter(cfg, c.log, c.metrics)
	c.report.applyTimes = &applyTimes{seconds: c.metrics.apply, now: time.Now}
	c.share = share.New(cfg.Host, c.notify, func(u share.Update) {
		c.report.shareUpdated(u)
		if u.Delta.Full || u.Anew {
			c.witness.policyBegan()
		}
	})
	c.settler = megaflow.NewSettler(c.ctl, c.link.peek, c.cache, c.log)
	c.sweeper = revoke.NewSweeper(revoke.Config{
		Policy: held{c.share}, Judge: cfg.Judge, Reporter: c.report, Tracking: func() revoke.Tracking { return c.datapath() },
		Settle: c.settler.Settle, Freed: c.zones.freed, Logger: c.log, Metrics: cfg.Metrics,
	})
	c.compiled = newCompiled()
	c.asked = &asked{
		report: c.report, reached: cfg.Reached, share: c.share, compiled: c.compiled, plugs: c.plugs, link: c.link, bridge: cfg.Bridge,
		ctl: unixctl.Open(cfg.RunDir), datapath: c.datapathName,
	}
	c.asked.settler = megaflow.Share(megaflow.NewSettler(c.asked.ctl, c.link.peek, c.cache, c.log))
	c.tally = &connCounter{log: c.log,
		limits: func(ctx context.Context, zones ...uint16) (unixctl.Limits, error) {
			return c.asked.ctl.ForDatapath(c.datapathName()).GetLimits(ctx, zones...)
		},
		table: func(ctx context.Context) (unixctl.Table, error) {
			return c.asked.ctl.ForDatapath(c.datapathName()).GetTable(ctx)
		},
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(c.tally)
	}
	c.desk = desk.New(desk.Config{Asks: cfg.Asks, Host: cfg.Host, Logger: c.log, Metrics: cfg.Metrics, LinkLocals: c.report.linkLocals, Begun: c.report.begun, Every: cfg.timing.count}, c.asked, c.asked)
	c.ready = elsewhere.NewReady(cfg.Peers, c.log, cfg.timing.peerPatience, c.notify)
	c.newest = elsewhere.NewNewest(elsewhere.Config{
		Store: cfg.Plugs, Host: cfg.Host, Log: c.log, Notify: c.notify, WriteIDs: c.plugs.writeInterfaceIDs, NameTakenRetry: nameTakenRetry,
	})
	c.witness = newWitness(cfg, c.log, c.plugs, c.report)
	c.report.onReported = func(s store.HostStatus) {
		c.newest.Reported(s.NICs)
		c.witness.applied(s.Applied, s.Mark)
	}
	return c
}

// datapathName is that of the datapath behind the bridge.
func (c *controller) datapathName() string {
	bridge, _, _ := c.plugs.get()
	return unixctl.DatapathName(bridge.DatapathType)
}

// datapath is a client whose conntrack commands are about that datapath.
func (c *controller) datapath() *unixctl.Client { return c.ctl.ForDatapath(c.datapathName()) }

// held is the share as the sweeper reads it, to judge connections.
type held struct{ *share.Held }

func (h held) Read(fn func(revoke.Known)) {
	h.Held.Read(func(p share.Policy) { fn(p) })
}

// notify has the engine take another step.
func (c *controller) notify() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// prefixFields returns the fields whose prefixes the switch should track in a
// table of the pipeline.
func prefixFields(table uint8) []string {
	switch table {
	case ofrules.TableEgressAddress, ofrules.TableEgressRules:
		return []string{"nw_dst", "ipv6_dst"}
	case ofrules.TableEgressGuard:
		return []string{"nw_src", "ipv6_src", "nw_dst"} // DHCP is to the broadcast address
	case ofrules.TableEgressND, ofrules.TableIngressAddr, ofrules.TableIngressRules:
		return []string{"nw_src", "ipv6_src"}
	default:
		return nil
	}
}
