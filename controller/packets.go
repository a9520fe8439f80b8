package controller

import (
	"context"
	"errors"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/unixctl"
)

// nudge starts a pass of the revalidators: any commit of a bundle does, also one
// that finds nothing to change.
func (c *controller) nudge(ctx context.Context) error {
	conn := c.link.peek()
	if conn == nil {
		return errNoSwitch
	}
	return conn.Bundle(ctx, []openflow.FlowMod{openflow.DeleteFlow(ofrules.Nudge())})
}

var errNoSwitch = errors.New("no connection to the switch")

// eraseEcho deletes an ICMPv6 echo connection by a packet, where the switch
// would die of being asked to (unixctl.FlushConntrack).
func (c *controller) eraseEcho(ctx context.Context, conn unixctl.Conn) error {
	frame, err := unixctl.EchoEraser(conn)
	if err != nil {
		return err
	}
	link := c.link.peek()
	if link == nil {
		return errNoSwitch
	}
	return link.PacketOut(ctx, openflow.PacketOut{
		InPort:  openflow.PortController,
		Actions: openflow.MustActions(openflow.CT{Commit: true, Force: true, Zone: conn.Zone, Table: openflow.NoTable}),
		Packet:  frame,
	})
}
