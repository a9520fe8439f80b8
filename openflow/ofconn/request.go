package ofconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/openflow"
)

// answer waits for the next answer and decodes it; an OpenFlow error is an error.
func (c *Conn) answer(ctx context.Context, k *call) (openflow.Message, error) {
	b, err := c.next(ctx, k)
	if err != nil {
		return nil, err
	}
	_, m, err := openflow.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if e, ok := m.(openflow.Error); ok {
		return nil, e
	}
	return m, nil
}

// apply sends messages that have no answer, with a barrier behind them, and
// returns the first error that they cause.
func (c *Conn) apply(ctx context.Context, messages ...openflow.Message) error {
	k := c.call(len(messages) + 1)
	defer c.hangUp(k)
	var b []byte
	var err error
	for i, m := range messages {
		if b, err = openflow.Append(b, k.first+uint32(i), m); err != nil {
			return err
		}
	}
	if b, err = openflow.Append(b, k.last, openflow.BarrierRequest{}); err != nil {
		return err
	}
	if err := c.send(ctx, b); err != nil {
		return err
	}
	var first error
	for {
		m, err := c.answer(ctx, k)
		if refusal := (openflow.Error{}); errors.As(err, &refusal) {
			if first == nil {
				first = err
			}
			continue
		}
		if err != nil {
			return err
		}
		if _, ok := m.(openflow.BarrierReply); ok {
			return first
		}
	}
}

// Apply sends messages that the switch does not answer, such as MeterMod
// or PacketOut, and returns when it has processed them and all that was sent
// before, with the first error it reports. They take effect one by one: use
// Bundle for flows.
func (c *Conn) Apply(ctx context.Context, messages ...openflow.Message) error {
	return opError("apply", c.apply(ctx, messages...))
}

func unexpected(m openflow.Message) error { return fmt.Errorf("%w: unexpected %T", ErrProtocol, m) }
