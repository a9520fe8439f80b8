package controller

import (
	"context"
	"errors"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/unixctl"
)

// eraseEcho deletes an ICMPv6 echo connection by a packet, where the switch
// would die of being asked to (unixctl.FlushConntrack).
func (c *controller) eraseEcho(ctx context.Context, conn unixctl.Conn) error {
	frame, err := unixctl.EchoEraser(conn)
	if err != nil {
		return err
	}
	link := c.link.peek()
	if link == nil {
		return errors.New("no connection to the switch")
	}
	return link.PacketOut(ctx, openflow.PacketOut{
		InPort:  openflow.PortController,
		Actions: openflow.MustActions(openflow.CT{Commit: true, Force: true, Zone: conn.Zone, Table: openflow.NoTable}),
		Packet:  frame,
	})
}
