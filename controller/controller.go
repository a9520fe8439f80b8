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
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/controller/kept"
	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/controller/ownership"
	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// Reports takes what the host says about itself.
type Reports interface {
	PutHost(ctx context.Context, h store.HostStatus) error
}

// Config says which bridge to keep and by which policy.
type Config struct {
	Share   share.Source
	Judge   revoke.Judge
	Reports Reports
	// Applied is called with the updates of the share that are in force, after each
	// report that says so was written; nil: nobody wants to know.
	Applied func(share.InForce)
	// Reached returns the revision up to which nothing more concerns the host, when the
	// given revision of its share is in force. Nil: each revision comes as an update.
	Reached func(applied int64) int64
	Asks    desk.Asks       // nil: nobody asks
	Peers   elsewhere.Peers // nil: a NIC is taken to be at the host that it names first
	History History         // nil: that the store went back is found out by those who follow it alone
	Plugs   elsewhere.Plugs // nil: a NIC that names no hosts is served here although it is plugged elsewhere since later
	// Alive is called by the loop that makes flows whenever it goes on: some times a
	// minute if nothing happens, and before each bundle, which may take its time. It must
	// not block; nil: nobody wants to know.
	Alive func()
	// ShareFile is the file in which the host's share of the policy is kept, "" for none, and
	// ShareSources are the addresses that the share comes from, see package kept.
	ShareFile    string
	ShareSources []string
	Host         string // name under which the host reports
	OVSDB        string // address of the local ovsdb-server: unix:PATH
	Bridge       string // br-int; made if it is missing
	// Datapath is the datapath_type of a bridge that has to be made: "" for
	// the kernel's, "netdev" for the userspace one.
	Datapath string
	Uplink   string // name of the port to other hosts; "" if there is none
	// NICConnections is how many connections a NIC may have open, 0 for any
	// number.
	NICConnections uint32
	// RunDir holds ovs-vswitchd's sockets; "" is the directory of OVSDB's.
	RunDir  string
	Version string
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: not exported

	timing timing
	unfit  func(unixctl.Version) error // what tests replace
}

// timing is what tests shorten.
type timing struct {
	audit         time.Duration // reading the flows back although nothing seems wrong
	retryRefused  time.Duration // trying flows again that the switch did not take
	zoneGrace     time.Duration // keeping the zone of a NIC that left
	count         time.Duration // reading the counters of flows
	sharePatience time.Duration // waiting for the policy before what is kept is enforced
	unsure        time.Duration // picking nothing up of a NIC that is new, see memory.doubt
}

func (c Config) withDefaults() (Config, error) {
	path, ok := strings.CutPrefix(c.OVSDB, "unix:")
	switch {
	case c.Share == nil || c.Judge == nil || c.Reports == nil:
		return c, errors.New("controller: no share of a policy, no judge or no reports")
	case c.Host == "" || c.Bridge == "":
		return c, errors.New("controller: host and bridge must be named")
	case !ok:
		return c, fmt.Errorf("controller: ovsdb: %q is not unix:PATH", c.OVSDB)
	}
	if c.RunDir == "" {
		c.RunDir = filepath.Dir(path)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Alive == nil {
		c.Alive = func() {}
	}
	if c.unfit == nil {
		c.unfit = megaflow.Unfit
	}
	if c.timing.audit <= 0 {
		c.timing.audit = auditEvery
	}
	if c.timing.zoneGrace <= 0 {
		c.timing.zoneGrace = zoneGrace
	}
	if c.timing.unsure <= 0 {
		c.timing.unsure = pickUpNotAfter
	}
	if c.timing.retryRefused <= 0 {
		c.timing.retryRefused = tryRefused
	}
	return c, nil
}

// controller holds what the goroutines of Run share.
type controller struct {
	cfg      Config
	log      *slog.Logger
	share    *share.Held
	kept     *kept.Keeper // nil: nothing is kept
	plugs    *plugs
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
	c.ready = elsewhere.NewReady(cfg.Peers, c.log, c.notify)
	c.newest = elsewhere.NewNewest(elsewhere.Config{
		Store: cfg.Plugs, Host: cfg.Host, Log: c.log, Notify: c.notify, Claims: c.plugs.readInterfaces, WriteIDs: c.plugs.writeInterfaceIDs, NameTakenRetry: nameTakenRetry,
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
