package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/secgroup"
)

// Pace of commits: each one has ovs-vswitchd hold its cached megaflows against
// the tables again. A few changes go through at once; under churn they are
// gathered.
const (
	commitEvery = 50 * time.Millisecond
	commitBurst = 20
)

// auditEvery is how often the flows are read back although nothing seems wrong;
// retryAfter is how soon a step that failed is tried again.
const (
	auditEvery = time.Minute
	retryAfter = 250 * time.Millisecond
)

// engine compiles and installs. Only its own goroutine touches it.
type engine struct {
	*controller
	compiler *ofrules.Compiler
	compiled bool // the compiler has seen the policy
	zones    zones
	pace     *rate.Limiter
	install  installer

	conn  *ofconn.Conn  // to which installed belongs
	known bool          // what the switch holds is what was compiled, but for backlog
	back  ofrules.Delta // compiled and not installed yet
}

func newEngine(c *controller) *engine {
	e := &engine{controller: c, compiler: ofrules.New(), pace: rate.NewLimiter(rate.Every(commitEvery), commitBurst)}
	e.zones = zones{
		flush: c.ctl.FlushZone,
		keep: func(ctx context.Context, iface string, ids map[string]string) error {
			_, db, _, _ := c.plugs.get()
			return db.SetExternalIDs(ctx, iface, ids)
		},
	}
	return e
}

// run takes a step whenever something changed, and again after a failure.
func (e *engine) run(ctx context.Context) error {
	tick := time.NewTicker(auditEvery)
	defer tick.Stop()
	for {
		var retry <-chan time.Time
		if err := e.step(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			e.log.Warn("change not applied; trying again", "error", err)
			retry = time.After(retryAfter)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.wake:
		case <-retry:
		case <-tick.C:
			e.link.distrust()
		}
		if err := e.pace.Wait(ctx); err != nil {
			return err
		}
	}
}

// step brings the switch to what the inputs say now: desired → diff → bundle.
func (e *engine) step(ctx context.Context) error {
	conn, fresh := e.link.get()
	if conn != e.conn || fresh {
		e.conn, e.known = conn, false
	}
	bridge, _, ready, problem := e.plugs.get()
	e.report.problem("bridge", problem)
	e.report.connected(conn != nil)
	if !ready || conn == nil {
		return nil
	}
	host, nics, err := e.host(ctx, bridge)
	e.report.problem("zones", err)
	if err != nil {
		return err
	}

	var why concern
	rev, loaded := e.view.take(func(s *secgroup.Snapshot, ch changes) {
		why = ch.concern
		var d ofrules.Delta
		if ch.replaced || !e.compiled {
			e.compiled = true
			d = e.compiler.Reset(s, host)
		} else {
			d = e.compiler.Update(s, host, ch.touched)
		}
		e.back = e.back.Then(d)
	})
	if !loaded {
		return nil
	}
	if !e.known {
		why.all = true // nobody knows what passed meanwhile
	}
	why.narrowed, err = e.bring(ctx, conn)
	if err != nil {
		e.sweeper.hold(why)
		e.report.nics(e.compiler.Problems(), nics, false)
		e.report.problem("flows", err)
		return err
	}
	e.report.problem("flows", nil)
	e.report.refused(e.install.refusals())
	e.report.nics(e.compiler.Problems(), nics, true)
	e.report.flows(e.compiler.Len())
	e.sweeper.add(rev, why, e.zoneNICs(host))
	return nil
}

// bring installs what is compiled. While the switch's content is unknown it is
// read back and adopted: what is right already is not sent again. It tells
// whether anything but new flows was sent.
func (e *engine) bring(ctx context.Context, conn *ofconn.Conn) (narrowed bool, err error) {
	drifted := e.link.drift.take()
	if !e.known {
		have, err := readBack(ctx, conn)
		if err != nil {
			return true, err
		}
		e.back = ofrules.Diff(have, e.compiler.Flows())
		e.install.forget()
	} else if fix := repair(drifted, e.compiler.Flow); !fix.Empty() {
		e.metrics.drift.Add(float64(len(fix.Put) + len(fix.Delete)))
		e.log.Warn("flows were changed by somebody else; putting them right", "put", len(fix.Put), "delete", len(fix.Delete))
		e.back = e.back.Then(fix)
	}
	e.known = false // until the switch says so
	narrowed = !e.back.OnlyAdds()
	if err := e.install.apply(ctx, conn, e.back); err != nil {
		return true, err
	}
	e.metrics.flowMods.Add(float64(len(e.back.Put) + len(e.back.Delete)))
	e.known, e.back = true, ofrules.Delta{}
	return narrowed, nil
}

// readBack dumps the flows that are under our control.
func readBack(ctx context.Context, conn *ofconn.Conn) ([]openflow.Flow, error) {
	stats, err := conn.Dump(ctx, 0, 0)
	if err != nil {
		return nil, err
	}
	var out []openflow.Flow
	for _, f := range stats {
		if ours(f.Flow) {
			out = append(out, f.Flow)
		}
	}
	return out, nil
}

// host turns the bridge into the compiler's input, and gives NICs zones.
func (e *engine) host(ctx context.Context, b ovsdb.BridgeState) (ofrules.Host, map[string]plugged, error) {
	ports, nics, err := e.zones.assign(ctx, b.Interfaces)
	if err != nil {
		return ofrules.Host{}, nil, err
	}
	h := ofrules.Host{Ports: ports}
	if e.cfg.Uplink != "" {
		i := slices.IndexFunc(b.Interfaces, func(i ovsdb.Interface) bool { return i.Name == e.cfg.Uplink })
		if i >= 0 {
			h.Uplink = b.Interfaces[i].OFPort
		}
		if h.Uplink == 0 {
			err = errors.New("uplink " + e.cfg.Uplink + " is not a working port of the bridge")
		}
	}
	e.report.problem("uplink", err)
	return h, nics, nil
}

func (e *engine) zoneNICs(h ofrules.Host) map[uint16]string {
	out := make(map[uint16]string, len(h.Ports))
	for nic, p := range h.Ports {
		out[p.Zone] = nic
	}
	return out
}
