package ofconn

import (
	"context"

	"github.com/ringfence/ringfence/openflow"
)

// Ports reads the bridge's ports as the switch has them now, in its order.
func (c *Conn) Ports(ctx context.Context) ([]openflow.Port, error) {
	ports, err := c.ports(ctx)
	return ports, opError("ports", err)
}

func (c *Conn) ports(ctx context.Context) ([]openflow.Port, error) {
	k := c.call(1)
	defer c.hangUp(k)
	b, err := openflow.Append(nil, k.first, openflow.PortDescRequest{})
	if err != nil {
		return nil, err
	}
	if err := c.send(ctx, b); err != nil {
		return nil, err
	}
	var ports []openflow.Port
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return nil, err
		}
		part, ok := m.(openflow.PortDescReply)
		if !ok {
			return nil, unexpected(m)
		}
		ports = append(ports, part.Ports...)
		if !part.More {
			return ports, nil
		}
	}
}
