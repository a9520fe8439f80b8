package desk

import (
	"context"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/unixctl"
)

// Host is what the desk reads of its host's loop, from any goroutine. What a function fn
// is given is valid until it returns. The loop may have to wait for that long, so fn must
// not block.
type Host interface {
	// Applied is the policy revision that is in force, 0 while none is.
	Applied() int64
	// Share lets fn read the host's share of the policy.
	Share(fn func(*span.Share))
	// Compiled lets fn read which flows were compiled from the share. uplink is the ofport
	// of the bridge's uplink, 0 if it has none.
	Compiled(fn func(c Compiled, uplink uint32))
	// Plugged lets fn read which interfaces the bridge has.
	Plugged(fn func(Interfaces))
}

// Compiled describes the flows that were compiled last. It is implemented by
// *ofrules.Compiler.
type Compiled interface {
	Rule(number uint32) (secgroup.RuleRef, bool)
	NIC(number uint32) (id string, ok bool)
	Profile(nic string) (number uint32, ok bool)
	Installed(nic string) bool
	Port(nic string) ofrules.Port
	Ports() map[string]ofrules.Port
	Problems() map[string]string
}

// ruleOf returns the rule that a number in a cookie or a ct_mark stands for, or nil if the
// compiler has no rule of that number any more.
func ruleOf(c Compiled, number uint32) *inquiry.Rule {
	r, ok := c.Rule(number)
	if !ok {
		return nil
	}
	return &inquiry.Rule{Account: r.Group.Account, Group: r.Group.ID, ID: r.ID}
}

// Interfaces are the bridge's interfaces as the local database has them. An interface may be
// there whose NIC has no flows yet.
type Interfaces interface {
	// OFPort is the ofport of a NIC that is plugged, 0 if it has none.
	OFPort(nic string) uint32
	// Names returns a copy of the interfaces' names, by ofport.
	Names() map[uint32]string
}

// Switch is the access that questions have to the switch. Its connections to ovs-vswitchd
// are not those of enforcement, which therefore goes on while all of them are busy.
type Switch interface {
	// Conn is the OpenFlow connection, nil while there is none.
	Conn() *ofconn.Conn
	// Trace runs ofproto/trace. flow describes the packet, and states has what each ct()
	// on its way finds the state of its connection to be.
	Trace(ctx context.Context, flow string, states []string) (text string, err error)
	// Connections lists the connections in conntrack zones, and maybe in others. With a
	// *unixctl.DumpError it returns those that could be read.
	Connections(ctx context.Context, zones []uint16) ([]unixctl.Conn, error)
	// Settle returns when packets meet the flows that the switch had when it was called.
	// Callers that wait at the same time share the work.
	Settle(ctx context.Context) error
}
