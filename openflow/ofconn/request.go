package ofconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/openflow/wire"
)

// answer waits for the next answer and decodes it; an OpenFlow error is an error.
func (c *Conn) answer(ctx context.Context, k *call) (wire.Message, error) {
	b, err := c.next(ctx, k)
	if err != nil {
		return nil, err
	}
	_, m, err := wire.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if e, ok := m.(wire.Error); ok {
		return nil, e
	}
	return m, nil
}

// apply sends messages that have no answer, with a barrier behind them, and
// returns the first error that they cause.
func (c *Conn) apply(ctx context.Context, messages ...wire.Message) error {
	k := c.call(len(messages) + 1)
	defer c.hangUp(k)
	var b []byte
	var err error
	for i, m := range messages {
		if b, err = wire.Append(b, k.first+uint32(i), m); err != nil {
			return err
		}
	}
	if b, err = wire.Append(b, k.last, wire.BarrierRequest{}); err != nil {
		return err
	}
	if err := c.send(ctx, b); err != nil {
		return err
	}
	var first error
	for {
		m, err := c.answer(ctx, k)
		if refusal := (wire.Error{}); errors.As(err, &refusal) {
			if first == nil {
				first = err
			}
			continue
		}
		if err != nil {
			return err
		}
		if _, ok := m.(wire.BarrierReply); ok {
			return first
		}
	}
}

// Apply sends messages that the switch does not answer, such as MeterMod
// or PacketOut, and returns when it has processed them and all that was sent
// before, with the first error it reports. They take effect one by one: use
// Bundle for flows.
func (c *Conn) Apply(ctx context.Context, messages ...wire.Message) error {
	return opError("apply", c.apply(ctx, messages...))
}

func unexpected(m wire.Message) error { return fmt.Errorf("%w: unexpected %T", ErrProtocol, m) }
