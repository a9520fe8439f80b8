package controller

import (
	"context"
	"slices"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/unixctl"
)

// cutBatch is how many connections are cut between two barriers: ovs-vswitchd
// takes some 10 µs for each, and what others want of it comes in between.
const cutBatch = 500

// cutConns cuts connections in the zones that they are in, each by a packet of
// its own that goes nowhere (see ofrules.Cut). With begin there are tombstones
// then even where no connection was.
func cutConns(ctx context.Context, conn *ofconn.Conn, conns []unixctl.Conn, begin bool) error {
	if conn == nil {
		if len(conns) == 0 {
			return nil
		}
		return errNoSwitch
	}
	for batch := range slices.Chunk(conns, cutBatch) {
		out := make([]openflow.PacketOut, 0, len(batch))
		for _, c := range batch {
			purpose := unixctl.Touch
			if begin || ofrules.IsPickedUp(c.Labels) {
				purpose = unixctl.Begin
			}
			frame, err := unixctl.Frame(c, purpose)
			if err != nil {
				return err
			}
			out = append(out, openflow.PacketOut{InPort: openflow.PortController, Actions: ofrules.Cut(c.Zone), Packet: frame})
		}
		if err := conn.PacketOut(ctx, out...); err != nil {
			return err
		}
	}
	return nil
}

func isICMP(c unixctl.Conn) bool {
	return c.Proto == openflow.ProtoICMP || c.Proto == openflow.ProtoICMPv6
}
