package httpapi

import (
	"context"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// told answers with what the hosts say to a question.
func (c *call) told(ask func(context.Context, *transport.Input) (any, error)) error {
	out, err := ask(c.req.Context(), c.in)
	if err != nil {
		return err
	}
	return c.json(out)
}

func getFlows(c *call) error { return c.told(c.api.inspector.Flows) }

func getConnections(c *call) error { return c.told(c.api.inspector.Connections) }

// getDrops answers with what was dropped, which is something else the next time.
func getDrops(c *call) error {
	c.res.Header().Set("Cache-Control", "no-store")
	return c.told(c.api.inspector.Drops)
}
