package ofconn

import (
	"context"
	"slices"

	"github.com/ringfence/ringfence/openflow"
)

// Dump reads the flows of all tables whose cookie has the given bits where mask
// is set; mask 0 reads all. The order is the switch's. A flow that is too long
// for a dump is left out by the switch.
func (c *Conn) Dump(ctx context.Context, cookie, mask uint64) ([]openflow.FlowStats, error) {
	flows, err := c.dump(ctx, openflow.FlowDescRequest{Table: openflow.AllTables, Cookie: cookie, CookieMask: mask})
	return flows, opError("dump", err)
}

func (c *Conn) dump(ctx context.Context, request openflow.FlowDescRequest) ([]openflow.FlowStats, error) {
	k := c.call(1)
	defer c.hangUp(k)
	b, err := openflow.Append(nil, k.first, request)
	if err != nil {
		return nil, err
	}
	if err := c.send(ctx, b); err != nil {
		return nil, err
	}
	var parts [][]openflow.FlowStats
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return nil, err
		}
		part, ok := m.(openflow.FlowDescReply)
		if !ok {
			return nil, unexpected(m)
		}
		parts = append(parts, part.Flows)
		if !part.More {
			return slices.Concat(parts...), nil
		}
	}
}
