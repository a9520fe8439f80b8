package revoke

import (
	"context"
	"errors"
	"slices"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/unixctl"
)

// cutBatch is how many connections are cut between two barriers: ovs-vswitchd
// takes some 10 µs for each, and what others want of it comes in between.
const cutBatch = 500

var errNoSwitch = errors.New("no connection to the switch")

// cutter is what cutting needs to know of the datapath, and to do there.
type cutter interface {
	Kernel() bool
	FlushConntrack(ctx context.Context, conn unixctl.Conn) error
}

// cutConns cuts connections in the zones that they are in. With begin there are
// tombstones then even where no connection was.
func cutConns(ctx context.Context, conn *ofconn.Conn, dp cutter, conns []unixctl.Conn, begin bool) error {
	if conn == nil {
		if len(conns) == 0 {
			return nil
		}
		return errNoSwitch
	}
	for batch := range slices.Chunk(conns, cutBatch) {
		out, gone, err := cuts(dp.Kernel(), batch, begin)
		if err != nil {
			return err
		}
		for _, c := range gone {
			if err := dp.FlushConntrack(ctx, c); err != nil {
				return err
			}
		}
		if err := conn.PacketOut(ctx, out...); err != nil {
			return err
		}
	}
	return nil
}

// cuts returns what cuts connections: a packet for each that goes nowhere (see
// ofrules.Cut), and those that are to be deleted instead.
func cuts(kernel bool, conns []unixctl.Conn, begin bool) (out []wire.PacketOut, gone []unixctl.Conn, err error) {
	touch, actions := unixctl.Touch, ofrules.Cut
	if kernel {
		touch, actions = unixctl.TouchKernel, ofrules.CutInKernel
	}
	for _, c := range conns {
		purpose := touch
		switch {
		case begin || ofrules.IsPickedUp(c.Labels):
			purpose = unixctl.Begin
		case kernel && halfOpen(c):
			gone = append(gone, c)
			continue
		}
		frame, err := unixctl.Frame(c, purpose)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, wire.PacketOut{InPort: openflow.PortController, Actions: actions(c.Zone), Packet: frame})
	}
	return out, gone, nil
}

// halfOpen tells whether only SYNs have come of a connection. The kernel would
// call another SYN invalid whose sequence number does not fit, and so keep it
// uncut. Deleted, it is cut for good: nothing but a SYN begins it anew.
func halfOpen(c unixctl.Conn) bool { return c.Proto == openflow.ProtoTCP && c.State == "SYN_SENT" }

func isICMP(c unixctl.Conn) bool {
	return c.Proto == openflow.ProtoICMP || c.Proto == openflow.ProtoICMPv6
}
