package wire

import (
	"encoding/binary"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// SetPacketInFormat says in which message packets come; Open vSwitch's own one
// (NXT_PACKET_IN2) carries the user data of Controller actions.
type SetPacketInFormat struct{ Standard bool }

// Subtypes of Nicira's messages, and the packet-in formats.
const (
	nxtSetPacketInFormat = 16
	nxtPacketIn2         = 30

	packetInStandard = 0
	packetInNicira2  = 2
)

func (SetPacketInFormat) messageType() uint8 { return typeExperimenter }

// appendNicira adds the header of a message of Nicira's.
func appendNicira(b []byte, subtype uint32) []byte {
	return octets.Put32(octets.Put32(b, octets.Nicira), subtype)
}

func (m SetPacketInFormat) appendBody(b []byte) ([]byte, error) {
	format := uint32(packetInNicira2)
	if m.Standard {
		format = packetInStandard
	}
	return octets.Put32(appendNicira(b, nxtSetPacketInFormat), format), nil
}

// decodeNiciraMessage decodes the messages of Nicira's that this package knows.
// It reads nothing of another, and returns nil.
func decodeNiciraMessage(r *octets.Reader) (Message, error) {
	if len(r.B) < 8 || binary.BigEndian.Uint32(r.B) != octets.Nicira {
		return nil, nil
	}
	switch binary.BigEndian.Uint32(r.B[4:]) {
	case nxtPacketIn2:
		r.Skip(8)
		return decodePacketIn2(r)
	case nxtSetPacketInFormat:
		if len(r.B) != 12 {
			return nil, nil
		}
		if format := binary.BigEndian.Uint32(r.B[8:]); format == packetInStandard || format == packetInNicira2 {
			r.Skip(12)
			return SetPacketInFormat{Standard: format == packetInStandard}, nil
		}
	}
	return nil, nil
}
