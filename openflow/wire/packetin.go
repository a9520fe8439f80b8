package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// PacketIn is a packet sent to the controller. Standard says which of the two
// messages it comes in: OFPT_PACKET_IN (OpenFlow 1.5 §7.4.1), or, on a
// connection that asked for it with SetPacketInFormat, NXT_PACKET_IN2.
type PacketIn struct {
	Standard bool
	Reason   openflow.PacketInReason
	Table    uint8
	Cookie   uint64         // of the flow that sent it; all ones if there was none
	Metadata openflow.Match // the input port, registers and other pipeline fields
	Packet   []byte         // its first bytes at least, see Controller.MaxLen
	FullLen  int            // of the packet, in bytes
	UserData []byte         // of the Controller action; not in OFPT_PACKET_IN
	// Continuation is what NXT_RESUME needs to go on with the packet; opaque.
	Continuation []byte
}

// noCookie stands for no cookie in OFPT_PACKET_IN.
const noCookie = ^uint64(0)

// Properties of NXT_PACKET_IN2 (Open vSwitch, nicira-ext.h).
const (
	pinPacket       = 0
	pinFullLen      = 1
	pinBufferID     = 2
	pinTable        = 3
	pinCookie       = 4
	pinReason       = 5
	pinMetadata     = 6
	pinUserData     = 7
	pinContinuation = 8
)

func (m PacketIn) messageType() uint8 {
	if m.Standard {
		return typePacketIn
	}
	return typeExperimenter
}

func (m PacketIn) appendBody(b []byte) ([]byte, error) {
	if max(len(m.Packet), len(m.UserData), len(m.Continuation)) > openflow.MaxMessage {
		return nil, fmt.Errorf("openflow: packet in: %w", openflow.ErrTooLong)
	}
	if m.Standard {
		b = octets.Put16(octets.Put32(b, noBuffer), uint16(m.FullLen))
		b = octets.Put64(append(b, byte(m.Reason), m.Table), m.Cookie)
		return append(octets.Zeros(appendMatch(b, m.Metadata), 2), m.Packet...), nil
	}
	b = appendNicira(b, nxtPacketIn2)
	b = appendProperty(b, pinPacket, m.Packet)
	if m.FullLen != len(m.Packet) {
		b = appendProperty(b, pinFullLen, octets.Put32(nil, uint32(m.FullLen)))
	}
	b = appendProperty(b, pinTable, []byte{m.Table})
	if m.Cookie != noCookie {
		// Aligned by padding, as 64-bit values of properties are.
		b = appendProperty(b, pinCookie, octets.Put64(octets.Zeros(nil, 4), m.Cookie))
	}
	b = appendProperty(b, pinReason, []byte{byte(m.Reason)})
	b = appendProperty(b, pinMetadata, []byte(m.Metadata.OXM()))
	if len(m.UserData) > 0 {
		b = appendProperty(b, pinUserData, m.UserData)
	}
	if len(m.Continuation) > 0 {
		b = appendProperty(b, pinContinuation, m.Continuation)
	}
	return b, nil
}

// appendProperty adds a property and its padding.
func appendProperty(b []byte, typ uint16, value []byte) []byte {
	start := len(b)
	b = append(octets.Put16(octets.Put16(b, typ), uint16(len(value)+4)), value...)
	return octets.Pad8(b, start)
}

// decodePacketIn reads OFPT_PACKET_IN.
func decodePacketIn(r *octets.Reader) (Message, error) {
	m := PacketIn{Standard: true}
	r.Skip(4)
	m.FullLen, m.Reason, m.Table, m.Cookie = int(r.U16()), openflow.PacketInReason(r.U8()), r.U8(), r.U64()
	if err := r.Err("packet in"); err != nil {
		return nil, err
	}
	var err error
	if m.Metadata, err = readMatch(r); err != nil {
		return nil, err
	}
	r.Skip(2)
	m.Packet = r.Rest()
	return m, nil
}

// decodePacketIn2 reads NXT_PACKET_IN2.
func decodePacketIn2(r *octets.Reader) (Message, error) {
	m := PacketIn{Cookie: noCookie}
	full := -1
	for len(r.B) > 0 {
		typ, p, err := r.Property("packet in")
		if err != nil {
			return nil, err
		}
		switch typ {
		case pinPacket:
			m.Packet = p.Rest()
		case pinFullLen:
			full = int(p.U32())
		case pinBufferID:
			p.Skip(4)
		case pinTable:
			m.Table = p.U8()
		case pinCookie:
			p.Skip(4)
			m.Cookie = p.U64()
		case pinReason:
			m.Reason = openflow.PacketInReason(p.U8())
		case pinMetadata:
			if m.Metadata, err = openflow.DecodeMatch(p.Take(len(p.B))); err != nil {
				return nil, err
			}
		case pinUserData:
			m.UserData = p.Rest()
		case pinContinuation:
			m.Continuation = p.Rest()
		}
		if err := p.Err("packet in"); err != nil { // longer properties have padding
			return nil, err
		}
	}
	if m.FullLen = full; full < 0 {
		m.FullLen = len(m.Packet)
	}
	return m, nil
}
