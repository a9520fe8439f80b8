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
	var parts [][]wire.FlowStats
	if err := c.Walk(ctx, cookie, mask, func(some []wire.FlowStats) { parts = append(parts, some) }); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// Walk is Dump for many flows: it calls fn with some of them after the other.
func (c *Conn) Walk(ctx context.Context, cookie, mask uint64, fn func(some []wire.FlowStats)) error {
	return opError("dump", c.walk(ctx, wire.FlowDescRequest{Table: wire.AllTables, Cookie: cookie, CookieMask: mask}, fn))
}

func (c *Conn) walk(ctx context.Context, request wire.FlowDescRequest, fn func([]wire.FlowStats)) error {
	k := c.call(1)
	defer c.hangUp(k)
	b, err := wire.Append(nil, k.first, request)
	if err != nil {
		return err
	}
	if err := c.send(ctx, b); err != nil {
		return err
	}
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return err
		}
		part, ok := m.(wire.FlowDescReply)
		if !ok {
			return unexpected(m)
		}
		if fn(part.Flows); !part.More {
			return nil
		}
	}
}
