package controller

import (
	"context"
	"log/slog"
	"time"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/controller/kept"
	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/unixctl"
)

// Waits before a step is taken again of its own accord.
const (
	minRetry   = 100 * time.Millisecond // after a failure, doubling
	maxRetry   = 5 * time.Second
	lookAgain  = 250 * time.Millisecond // for an ofport or a zone that is not there yet
	auditEvery = time.Minute            // reading the flows back although nothing seems wrong
	tryRefused = 5 * time.Second        // a flow that the switch did not take
)

// engine is the loop that compiles the share and installs the flows. Only the
// goroutine of run touches it.
type engine struct {
	cfg      Config
	log      *slog.Logger
	wake     <-chan struct{} // something changed
	notify   func()          // wakes it
	share    *share.Held
	kept     *kept.Keeper // nil: nothing is kept
	plugs    *plugs
	zones    *zones
	ready    *elsewhere.Ready
	newest   *elsewhere.Newest
	link     *link
	ctl      *unixctl.Client
	datapath func() *unixctl.Client
	cache    *megaflow.Cache
	sweeper  *revoke.Sweeper
	desk     *desk.Desk
	report   *reporter
	metrics  *metrics

	tables tables
	limits limits
	pace   pace
	audit  audit
	memory connMemory

	// What follows is of the connection conn, as is what tables knows of the actual flows.
	conn      *ofconn.Conn
	ahead     <-chan reading // of the flows, see readAhead; nil: there is none
	ports     ports
	bridge    bridgeState
	unfit     error           // why the switch must not be used
	version   unixctl.Version // of the switch
	caches    caches          // on which the behaviour of its megaflows depends, of the last step
	steps     uint64          // how many were taken
	allShown  bool            // all NICs were reported once, if only as without flows
	shown     nicsShown       // which NICs are to be reported by this step
	announced bool            // the share's source was told once which NICs are plugged
}

// caches is what the behaviour of a switch's megaflows depends on.
type caches struct {
	version  unixctl.Version
	datapath string
}

func newEngine(c *controller) *engine {
	return &engine{
		cfg: c.cfg, log: c.log, wake: c.wake, notify: c.notify, share: c.share, kept: c.kept, plugs: c.plugs, zones: c.zones, ready: c.ready, newest: c.newest,
		link: c.link, ctl: c.ctl, datapath: c.datapath, cache: c.cache, sweeper: c.sweeper, desk: c.desk, report: c.report, metrics: c.metrics,
		tables: tables{desired: c.compiled}, pace: pace{slack: commitSlack},
		limits: limits{most: c.cfg.NICConnections, set: func(ctx context.Context, zones ...unixctl.ZoneLimit) error {
			return c.datapath().SetLimits(ctx, zones...)
		}},
	}
}

// run takes a step whenever something changed, and again after a failure.
func (e *engine) run(ctx context.Context) error {
	audit := time.NewTicker(e.cfg.timing.audit)
	defer audit.Stop()
	defer e.endReading()
	watch := time.NewTicker(sentinelEvery)
	defer watch.Stop()
	wait := minRetry
	for {
		e.cfg.Alive()
		again, err := e.step(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.report.problem("flows", err)
		if err == nil {
			wait = minRetry
		} else {
			e.log.Warn("change not applied; trying again", "in", wait, "error", err)
			again, wait = wait, min(2*wait, maxRetry)
		}
		e.takeReady()
		if err := e.awaitReason(ctx, again, audit.C, watch.C); err != nil {
			return err
		}
		if d := e.pace.wait(time.Now(), e.cache.Cost()); d > 0 {
			if err := pause.For(ctx, d); err != nil {
				return err
			}
		}
	}
}

// awaitReason returns when there is a reason for another step: something has changed, the
// time again has passed (0: never), or the switch has forgotten its connections. Steps
// without a reason would only cost the switch and the store work.
func (e *engine) awaitReason(ctx context.Context, again time.Duration, audit, watch <-chan time.Time) error {
	var due <-chan time.Time
	if again > 0 {
		due = time.After(again)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.wake:
			return nil
		case <-due:
			return nil
		case <-audit:
			if e.tables.known {
				e.audit.start(ctx, e.conn)
			}
		case part := <-e.audit.parts:
			e.audited(part)
		case <-watch:
			if e.checkSentinel(ctx) {
				return nil
			}
		}
		e.cfg.Alive()
	}
}

// step makes the switch what its inputs (share, bridge, drift) say now: desired → diff →
// bundle. It returns after which time another one is due although nothing changes, 0 for
// none. After an error the next one starts from reading the flows back.
func (e *engine) step(ctx context.Context) (again time.Duration, err error) {
	e.steps++
	bridge, found, problem := e.plugs.get()
	e.report.problem("bridge", problem)
	err = e.useConn(ctx)
	switch usable := err == nil && e.conn != nil && e.unfit == nil; {
	case !found:
		return 0, err
	case !usable:
		e.reportClaims()
		return 0, err
	}
	in, err := e.readBridge(ctx)
	if err != nil {
		return 0, err
	}
	unlimited := e.limits.apply(ctx, in.zonesLooked()...)
	e.report.problem("connection limits", unlimited)
	if unlimited != nil {
		in.lookWithin(lookAgain)
	}
	at, loaded := e.compile(in)
	e.readAhead(ctx)
	e.shown.add(in, e.tables.desired.compiler.Resynced())
	if unknown := e.awaitFirstHosts(in, loaded); !loaded || unknown > 0 {
		e.reportNICs(in)
		return in.earliest(unknown), nil
	}
	if e.kept != nil {
		e.kept.Served(in.host.Newer, in.host.Elsewhere)
	}
	if err := e.restoreTombstones(ctx, in); err != nil {
		return 0, err
	}
	picked, err := e.continuePickUp(ctx, in)
	if err != nil {
		return 0, err
	}
	if err := e.reconcile(ctx); err != nil {
		e.reportNICs(in)
		return 0, err
	}
	e.shown.installed = e.steps
	e.reportNICs(in)
	e.report.refused(e.tables.install.refusals())
	e.metrics.refused.Set(float64(len(e.tables.install.refused)))
	e.metrics.flows.Set(float64(e.tables.len()))
	left, more := e.zones.vacated()
	if now := (caches{e.version, unixctl.DatapathName(bridge.DatapathType)}); set(&e.caches, now) {
		e.cache.Misplaces(megaflow.Misplaces(now.version, now.datapath))
		way := megaflow.Method(now.version, now.datapath)
		e.report.receipt(way)
		e.log.Info("how it is known that packets meet a change", "way", way)
	}
	e.sweeper.Add(revoke.Job{Rev: at.Revision, Mark: at.Mark, Update: at.Number, Conn: e.conn, Incomplete: len(e.tables.install.refused) > 0, Step: e.steps, NICs: in.zones, Vacated: left})
	in.lookWithin(picked)
	in.lookWithin(more)
	return in.earliest(e.tables.untilRetry(e.cfg.timing.retryRefused)), nil
}

// useConn makes the link's connection the engine's. If it is another one than before,
// all that was known of the switch is forgotten, and its version is checked: e.unfit
// says why the switch must not be used. e.conn is nil while there is no connection.
func (e *engine) useConn(ctx context.Context) error {
	conn, fresh := e.link.takeState()
	if conn != e.conn {
		e.conn, e.ports, e.bridge, e.allShown, e.shown, e.unfit = nil, ports{}, bridgeState{}, false, nicsShown{}, nil
		e.tables.forgetActual()
		e.report.connection(nil)
		e.limits.forget()
		e.memory.nextLook, e.memory.pickUpEnds = time.Time{}, time.Time{} // see link.session
		if conn == nil {
			return nil
		}
		version, err := e.ctl.Version(ctx)
		if err != nil {
			return err
		}
		e.version, e.unfit = version, e.cfg.unfit(version)
		e.report.problem("ovs-vswitchd", e.unfit)
		if e.unfit != nil {
			e.log.Error("this Open vSwitch is not used", "error", e.unfit)
		} else {
			e.report.connection(conn)
		}
		e.conn = conn
	}
	if fresh {
		e.tables.forgetActual()
		e.ahead = nil
	}
	return nil
}
