package ofconn

import (
	"context"
	"slices"

	"github.com/ringfence/ringfence/openflow/wire"
)

// Dump reads the flows of all tables whose cookie has the given bits where mask
// is set; mask 0 reads all. The order is the switch's. A flow that is too long
// for a dump is left out by the switch.
func (c *Conn) Dump(ctx context.Context, cookie, mask uint64) ([]wire.FlowStats, error) {
	flows, err := c.dump(ctx, wire.FlowDescRequest{Table: wire.AllTables, Cookie: cookie, CookieMask: mask})
	return flows, opError("dump", err)
}

func (c *Conn) dump(ctx context.Context, request wire.FlowDescRequest) ([]wire.FlowStats, error) {
	k := c.call(1)
	defer c.hangUp(k)
	b, err := wire.Append(nil, k.first, request)
	if err != nil {
		return nil, err
	}
	if err := c.send(ctx, b); err != nil {
		return nil, err
	}
	var parts [][]wire.FlowStats
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return nil, err
		}
		part, ok := m.(wire.FlowDescReply)
		if !ok {
			return nil, unexpected(m)
		}
		parts = append(parts, part.Flows)
		if !part.More {
			return slices.Concat(parts...), nil
		}
	}
}
