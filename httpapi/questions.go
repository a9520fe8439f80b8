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

// listRules lists a group's rules; with ?hits=true or ?unused_since=TIME also what
// they let through, which the hosts are asked for first.
func listRules(c *call) error {
	hits, err := c.api.inspector.Hits(c.req.Context(), c.in)
	if err != nil {
		return err
	}
	if hits != nil {
		c.hits = hits
		c.req.Header.Del("If-None-Match") // hits change without a revision
		c.res.Header().Set("Cache-Control", "no-store")
	}
	return ruleList.serve(c)
}
