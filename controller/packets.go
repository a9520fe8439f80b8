package controller

import (
	"context"
	"errors"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
)

// nudge starts a pass of the revalidators: any commit of a bundle does, also one
// that finds nothing to change.
func (c *controller) nudge(ctx context.Context) error {
	conn := c.link.peek()
	if conn == nil {
		return errNoSwitch
	}
	return conn.Bundle(ctx, []wire.FlowMod{wire.DeleteFlow(ofrules.Nudge())})
}

var errNoSwitch = errors.New("no connection to the switch")
