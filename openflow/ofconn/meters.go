package ofconn

import (
	"context"

	"github.com/ringfence/ringfence/openflow"
)

// Meters reads all meters of the switch, in its order.
func (c *Conn) Meters(ctx context.Context) ([]openflow.MeterConfig, error) {
	meters, err := c.meters(ctx)
	return meters, opError("meters", err)
}

func (c *Conn) meters(ctx context.Context) ([]openflow.MeterConfig, error) {
	k := c.call(1)
	defer c.hangUp(k)
	b, err := openflow.Append(nil, k.first, openflow.MeterConfigRequest{Meter: openflow.AllMeters})
	if err != nil {
		return nil, err
	}
	if err := c.send(ctx, b); err != nil {
		return nil, err
	}
	var all []openflow.MeterConfig
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return nil, err
		}
		part, ok := m.(openflow.MeterConfigReply)
		if !ok {
			return nil, unexpected(m)
		}
		if all = append(all, part.Meters...); !part.More {
			return all, nil
		}
	}
}
