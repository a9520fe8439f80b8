package desk

import (
	"context"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/unixctl"
)

// Host is what the desk reads of its host's loop, from any goroutine. What it
// hands to an fn may change when that has returned; until then the loop may have
// to wait for it, so fn waits for nothing.
type Host interface {
	// Applied is the policy revision that is in force, 0 while none is.
	Applied() int64
	// Share lets fn read the host's share of the policy.
	Share(fn func(*span.Share))
	// Compiled lets fn read what is compiled of it, with the uplink's ofport, 0 if
	// there is none.
	Compiled(fn func(c Compiled, uplink uint32))
	// Plugged lets fn read which interfaces the bridge has.
	Plugged(fn func(Interfaces))
}

// Compiled tells of the flows that were compiled last, as *ofrules.Compiler does.
type Compiled interface {
	Rule(number uint32) (secgroup.RuleRef, bool)
	NIC(number uint32) (id string, ok bool)
	Profile(nic string) (number uint32, ok bool)
	Installed(nic string) bool
	Port(nic string) ofrules.Port
	Ports() map[string]ofrules.Port
	Problems() map[string]string
}

// Interfaces are those of the bridge as the local database has them: one may wait
// for its flows.
type Interfaces interface {
	// OFPort is the ofport of a NIC that is plugged, 0 if it has none.
	OFPort(nic string) uint32
	// Names returns a copy of the interfaces' names, by ofport.
	Names() map[uint32]string
}

// Switch is the access that questions have to the switch. All its connections to
// ovs-vswitchd may be waiting, without enforcement having to wait for one.
type Switch interface {
	// Conn is the OpenFlow connection, nil while there is none.
	Conn() *ofconn.Conn
	// Trace has ofproto/trace say what becomes of a packet, which is written as a
	// flow, in states of its connection that ct() finds one after another.
	Trace(ctx context.Context, flow string, states []string) (text string, err error)
	// Connections lists those of zones, and maybe others. The error is about lines
	// that make no sense if it is a *unixctl.DumpError.
	Connections(ctx context.Context, zones []uint16) ([]unixctl.Conn, error)
	// Settle returns when packets meet the flows that the switch has. All who wait
	// for it share the work.
	Settle(ctx context.Context) error
}
