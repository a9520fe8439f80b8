package ofconn

import (
	"context"

	"github.com/ringfence/ringfence/openflow/wire"
)

// Meters reads all meters of the switch, in its order.
func (c *Conn) Meters(ctx context.Context) ([]wire.MeterConfig, error) {
	meters, err := c.meters(ctx)
	return meters, opError("meters", err)
}

func (c *Conn) meters(ctx context.Context) ([]wire.MeterConfig, error) {
	k := c.call(1)
	defer c.hangUp(k)
	b, err := wire.Append(nil, k.first, wire.MeterConfigRequest{Meter: wire.AllMeters})
	if err != nil {
		return nil, err
	}
	if err := c.send(ctx, b); err != nil {
		return nil, err
	}
	var all []wire.MeterConfig
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return nil, err
		}
		part, ok := m.(wire.MeterConfigReply)
		if !ok {
			return nil, unexpected(m)
		}
		if all = append(all, part.Meters...); !part.More {
			return all, nil
		}
	}
}
