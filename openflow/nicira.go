package openflow

import "encoding/binary"

// Experimenter is a message of an extension that this package does not know.
type Experimenter struct {
	Experimenter, Subtype uint32
	Body                  []byte
}

// SetPacketInFormat says in which message packets come; Open vSwitch's own one
// (NXT_PACKET_IN2) carries the user data of Controller actions.
type SetPacketInFormat struct{ Standard bool }

// SetControllerID gives the connection the number that Controller actions name
// (NXT_SET_CONTROLLER_ID).
type SetControllerID struct{ ID uint16 }

// Subtypes of Nicira's messages, and the packet-in formats.
const (
	nxtSetPacketInFormat = 16
	nxtSetControllerID   = 20
	nxtPacketIn2         = 30

	packetInStandard = 0
	packetInNicira2  = 2
)

func (Experimenter) messageType() uint8      { return typeExperimenter }
func (SetPacketInFormat) messageType() uint8 { return typeExperimenter }
func (SetControllerID) messageType() uint8   { return typeExperimenter }

// appendNicira adds the header of a message of Nicira's.
func appendNicira(b []byte, subtype uint32) []byte {
	return put32(put32(b, experimenterNicira), subtype)
}

func (m Experimenter) appendBody(b []byte) ([]byte, error) {
	return append(put32(put32(b, m.Experimenter), m.Subtype), m.Body...), nil
}

func (m SetPacketInFormat) appendBody(b []byte) ([]byte, error) {
	format := uint32(packetInNicira2)
	if m.Standard {
		format = packetInStandard
	}
	return put32(appendNicira(b, nxtSetPacketInFormat), format), nil
}

func (m SetControllerID) appendBody(b []byte) ([]byte, error) {
	return put16(zeros(appendNicira(b, nxtSetControllerID), 6), m.ID), nil
}

func decodeExperimenter(r *reader) (Message, error) {
	vendor, subtype := r.u32(), r.u32()
	if err := r.err("experimenter"); err != nil {
		return nil, err
	}
	if vendor == experimenterNicira {
		switch subtype {
		case nxtPacketIn2:
			return decodePacketIn2(r)
		case nxtSetControllerID:
			r.skip(6)
			return SetControllerID{r.u16()}, nil
		case nxtSetPacketInFormat:
			if len(r.b) == 4 {
				switch format := binary.BigEndian.Uint32(r.b); format {
				case packetInStandard, packetInNicira2:
					r.skip(4)
					return SetPacketInFormat{Standard: format == packetInStandard}, nil
				}
			}
		}
	}
	return Experimenter{vendor, subtype, r.rest()}, nil
}
