package ofconn

import (
	"encoding/binary"
	"fmt"

	"github.com/ringfence/ringfence/openflow/wire"
)

// Message types that are told apart before they are decoded (OpenFlow 1.5 §7.1).
const (
	typeError          = 1
	typeEchoRequest    = 2
	typeEchoReply      = 3
	typeExperimenter   = 4
	typePacketIn       = 10
	typeMultipartReply = 19

	multipartFlowMonitor = 16
)

// dispatch gives a message to whom it concerns. An error ends the connection.
func (c *Conn) dispatch(b []byte) error {
	xid := binary.BigEndian.Uint32(b[4:])
	switch b[1] {
	case typeEchoRequest:
		reply, err := wire.Append(nil, xid, wire.EchoReply{Data: b[wire.HeaderLen:]})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		c.sendUrgent(reply)
		return nil
	case typeEchoReply:
		return nil
	case typeMultipartReply:
		if len(b) >= 10 && binary.BigEndian.Uint16(b[8:]) == multipartFlowMonitor {
			c.handleFlowUpdates(b)
			if xid == 0 {
				return nil
			}
		}
	case typePacketIn, typeExperimenter:
		if c.packetIn(b) {
			return nil
		}
	}
	if !c.answered(xid, b) {
		c.logUnasked(xid, b)
	}
	return nil
}

// logUnasked logs what no request waits for: port status, answers to what was given
// up, errors of messages sent blindly.
func (c *Conn) logUnasked(xid uint32, b []byte) {
	_, m, err := wire.Decode(b)
	switch {
	case err != nil:
		c.opts.Logger.Warn("message is not understood", "xid", xid, "error", err)
	case b[1] == typeError:
		c.opts.Logger.Warn("error that nobody waits for", "xid", xid, "error", m)
	default:
		c.opts.Logger.Debug("message that nobody waits for", "xid", xid, "type", fmt.Sprintf("%T", m))
	}
}
