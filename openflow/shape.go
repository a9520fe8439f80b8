package openflow

import "github.com/ringfence/ringfence/openflow/internal/octets"

// AppendShape adds to b the flow's shape: all of it but what a switch takes
// whatever it is. Two flows of one shape are both taken, or both refused as
// faulty, when they are put into a switch; one may still be refused for what the
// switch has at that time, such as a full table.
//
// Left out are the priority, the cookie, the ids of conjunctions, and the values
// and masks of fields of which every value exists: addresses, transport ports,
// registers, zone, mark and label of a connection. Everything else counts: ofports,
// VLANs, protocols, states, tables, meters and, but for what they write into such
// fields, the actions.
func (f Flow) AppendShape(b []byte) []byte {
	b = append(b, f.Table)
	b = f.Match.appendShape(b)
	b = append(b, shapeOfActions)
	for _, a := range f.Actions.List() {
		b = appendActionShape(b, a)
	}
	return b
}

// What stands between the parts of a shape. A match ends before the first byte
// that is no header of a field it knows, so the parts are told apart by what is
// before them.
const (
	shapeOfActions = iota + 1
	shapeOfConjunction
	shapeOfSetField
	shapeOfOther
	shapeOfUnknown
)

func (m Match) appendShape(b []byte) []byte {
	for rest := m.tlvs; rest != ""; {
		h := parseHeader(rest)
		if h.field == 0 {
			b = octets.Put16(append(b, shapeOfUnknown), uint16(len(rest)))
			return append(b, rest...)
		}
		n := h.size + h.length
		if h.field.anyValue() {
			b = append(b, rest[:h.size]...)
		} else {
			b = append(b, rest[:n]...)
		}
		rest = rest[n:]
	}
	return b
}

func appendActionShape(b []byte, a Action) []byte {
	switch a := a.(type) {
	case Conjunction:
		return append(b, shapeOfConjunction, a.Clause, a.Of)
	case SetField:
		if a.Field.anyValue() {
			return append(b, shapeOfSetField, byte(a.Field))
		}
	case SetWide:
		if a.Field.anyValue() {
			return append(b, shapeOfSetField, byte(a.Field))
		}
	}
	start := len(b)
	b = append(b, shapeOfOther, 0, 0)
	var err error
	if _, is := instructionOrder(a); is {
		b, err = appendInstruction(b, a)
	} else {
		b, err = appendAction(b, a, inFlow)
	}
	if err != nil { // not of a flow, whose actions were encoded once
		return b
	}
	n := len(b) - start - 3
	b[start+1], b[start+2] = byte(n>>8), byte(n)
	return b
}

// anyValue reports whether a switch takes every value of the field, under every
// mask if it can have one (ovs-fields(7)).
func (f Field) anyValue() bool {
	switch f {
	case ConjID, Metadata, EthSrc, EthDst, IPv4Src, IPv4Dst, IPv6Src, IPv6Dst,
		TCPSrc, TCPDst, UDPSrc, UDPDst, SCTPSrc, SCTPDst, NDTarget,
		ARPSPA, ARPTPA, ARPSHA, ARPTHA, CTZone, CTMark, CTLabel,
		CTNwSrc, CTNwDst, CTIPv6Src, CTIPv6Dst, CTTpSrc, CTTpDst:
		return true
	}
	return f >= Reg0 && f <= Reg15
}
