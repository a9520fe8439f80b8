package ofconn

import (
	"context"

	"github.com/ringfence/ringfence/openflow/wire"
)

// Ports reads the bridge's ports as the switch has them now, in its order.
func (c *Conn) Ports(ctx context.Context) ([]wire.Port, error) {
	ports, err := c.ports(ctx)
	return ports, opError("ports", err)
}

func (c *Conn) ports(ctx context.Context) ([]wire.Port, error) {
	k := c.call(1)
	defer c.hangUp(k)
	b, err := wire.Append(nil, k.first, wire.PortDescRequest{})
	if err != nil {
		return nil, err
	}
	if err := c.send(ctx, b); err != nil {
		return nil, err
	}
	var ports []wire.Port
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return nil, err
		}
		part, ok := m.(wire.PortDescReply)
		if !ok {
			return nil, unexpected(m)
		}
		ports = append(ports, part.Ports...)
		if !part.More {
			return ports, nil
		}
	}
}
