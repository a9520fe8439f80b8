package controller

import (
	"context"
	"maps"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/unixctl"
)

// asked gives the desk read access to the loop and to its switch: it implements
// desk.Host and desk.Switch.
type asked struct {
	report   *reporter
	reached  func(applied int64) int64 // see Config; may be nil
	share    *share.Held
	compiled *compiled
	plugs    *plugs
	link     *link
	bridge   string
	ctl      *unixctl.Client  // the desk's own: if all of its connections wait, enforcement goes on
	datapath func() string    // of the bridge
	settler  *megaflow.Shared // with these connections
}

func (a *asked) Applied() int64 {
	if a.reached == nil {
		return a.report.revision()
	}
	return a.reached(a.report.revision())
}

func (a *asked) Share(fn func(*span.Share)) { a.share.Share(fn) }

func (a *asked) Compiled(fn func(desk.Compiled, uint32)) {
	a.compiled.read(func(c *ofrules.Compiler, uplink uint32) { fn(c, uplink) })
}

func (a *asked) Plugged(fn func(desk.Interfaces)) { a.plugs.readClaims(func(c *claims) { fn(c) }) }

func (a *asked) Conn() *ofconn.Conn { return a.link.peek() }

func (a *asked) Trace(ctx context.Context, flow string, states []string) (string, error) {
	return a.ctl.Trace(ctx, a.bridge, flow, unixctl.TraceOptions{CTNext: states, Names: true})
}

func (a *asked) Connections(ctx context.Context, zones []uint16) ([]unixctl.Conn, error) {
	return revoke.List(ctx, a.ctl.ForDatapath(a.datapath()), zones)
}

func (a *asked) Settle(ctx context.Context) error { return a.settler.Settle(ctx) }

// OFPort is the ofport of a NIC that is plugged, 0 if it has none.
func (c *claims) OFPort(nic string) uint32 {
	one, _ := c.get(nic)
	return one.iface.OFPort
}

// Names returns the interfaces' names, by ofport.
func (c *claims) Names() map[uint32]string { return maps.Clone(c.byPort) }
