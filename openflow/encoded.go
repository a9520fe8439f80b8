package openflow

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// MaxMessage is how many bytes an OpenFlow message can have at most.
const MaxMessage = 65535

// DumpOverhead is what surrounds a flow's match and instructions in the reply
// to a request for flows, in bytes: headers, flow description, counters, and
// the bytes by which Open vSwitch writes a match longer than this package does
// (registers in pairs with masks, the packet type). A flow that leaves no room
// for it can be put in, but the switch leaves it out of dumps.
const DumpOverhead = 8 + 8 + 24 + 56 + 128

// OXM is the match as it is on the wire, without the header of a struct
// ofp_match: see Match.
func (m Match) OXM() string { return m.tlvs }

// Without is the match without its condition on f, if it has one.
func (m Match) Without(f Field) Match {
	for rest := m.tlvs; rest != ""; {
		h := parseHeader(rest)
		at, next := len(m.tlvs)-len(rest), h.size+h.length
		if h.field == f && f != 0 {
			return Match{m.tlvs[:at] + rest[next:]}
		}
		if h.field == 0 {
			break
		}
		rest = rest[next:]
	}
	return m
}

// Instructions is the actions as they are on the wire: see Actions.
func (a Actions) Instructions() string { return a.instructions }

// DecodeInstructions is the reverse of Instructions. What it does not know
// becomes Unknown, and a foreign flow that NewActions would not make is kept as
// it is.
func DecodeInstructions(b []byte) (Actions, error) {
	list, err := decodeInstructions(b)
	if err != nil {
		return Actions{}, err
	}
	if a, err := NewActions(list...); err == nil {
		return a, nil
	}
	return Actions{string(b)}, nil
}

// Bare is the actions on the wire without the instruction around them, for
// messages that carry no instructions. Actions with others are an error.
func (a Actions) Bare() (string, error) {
	if a.IsDrop() {
		return "", nil
	}
	n := int(a.instructions[2])<<8 | int(a.instructions[3])
	if a.instructions[1] != instApplyActions || n != len(a.instructions) {
		return "", fmt.Errorf("openflow: %s has instructions, where only actions can be", a)
	}
	return a.instructions[8:], nil
}

// DecodeBare is the reverse of Bare.
func DecodeBare(b []byte) (Actions, error) {
	if len(b) == 0 {
		return Actions{}, nil
	}
	n := len(b) + 8
	if n > MaxMessage {
		return Actions{}, fmt.Errorf("openflow: actions: %w", ErrTooLong)
	}
	whole := octets.Put16([]byte{0, instApplyActions}, uint16(n))
	return DecodeInstructions(append(octets.Zeros(whole, 4), b...))
}
