package ofconn

import (
	"context"
	"errors"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// ErrSubscribed means that packet-ins have a subscriber already.
var ErrSubscribed = errors.New("packet-ins have a subscriber already")

// wholePacket is how much of a packet that no action limits is sent (miss_send_len);
// a connection to a bridge's management socket gets no asynchronous message at
// all while it is 0.
const wholePacket = openflow.NoBuffer

// allReasons lets packet-ins of every reason through, those up to
// openflow.ReasonPacketOut.
const allReasons = 1<<(openflow.ReasonPacketOut+1) - 1

// PacketIns subscribes to the packets that Controller and Output{PortController}
// actions send to this connection; the channel is closed when the connection
// ends. Packets that come when size are waiting are dropped.
func (c *Conn) PacketIns(ctx context.Context, size int) (<-chan wire.PacketIn, error) {
	ch := make(chan wire.PacketIn, size)
	c.mu.Lock()
	over, taken := c.over, c.packets != nil
	if !over && !taken {
		c.packets = ch
	}
	c.mu.Unlock()
	switch {
	case over:
		return nil, &OpError{"packet-in", c.Err()}
	case taken:
		return nil, &OpError{"packet-in", ErrSubscribed}
	}
	subscribed := false
	defer func() { // also in a panic, which need not be the connection's end
		if subscribed {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.packets == ch {
			c.packets = nil
		}
	}()
	err := c.apply(ctx,
		wire.SetPacketInFormat{},
		wire.SetAsync{Masks: []wire.AsyncMask{
			{Kind: wire.AsyncPacketIn, Reasons: allReasons},
			{Kind: wire.AsyncPortStatus}, {Kind: wire.AsyncFlowRemoved},
			{Kind: wire.AsyncRoleStatus}, {Kind: wire.AsyncTableStatus}, {Kind: wire.AsyncForward},
		}},
		wire.SetConfig{MissSendLen: wholePacket})
	if err != nil {
		return nil, &OpError{"packet-in", err}
	}
	subscribed = true
	return ch, nil
}

// packetIn hands a packet-in over and reports whether b was one.
func (c *Conn) packetIn(b []byte) bool {
	_, m, err := wire.Decode(b)
	p, ok := m.(wire.PacketIn)
	if err != nil || !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.packets <- p: // nil, and so never ready, without a subscriber
	default: // full: whoever reads is late, and the connection does not wait
	}
	return true
}

// PacketOut has the switch run actions on a packet, and returns when it has.
func (c *Conn) PacketOut(ctx context.Context, packets ...wire.PacketOut) error {
	messages := make([]wire.Message, 0, len(packets))
	for _, p := range packets {
		messages = append(messages, p)
	}
	return opError("packet-out", c.apply(ctx, messages...))
}
