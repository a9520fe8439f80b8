package openflow

import (
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// DecodeMatch is the reverse of Match.OXM. Packet registers (xreg) and
// Nicira's 128-bit registers (xxreg) are folded into reg<n>; older numbers of a
// field give the same Match as the ones that OpenFlow 1.5 has. Prerequisites
// are not checked: the metadata of a packet-in has none, and flows are checked
// by the switch.
func DecodeMatch(b []byte) (Match, error) {
	var (
		space  [24]Term
		terms  = space[:0]
		opaque []string
	)
	for len(b) > 0 {
		h := parseHeader(b)
		if h.size == 0 || h.size+h.length > len(b) {
			return Match{}, fmt.Errorf("openflow: match: %w", octets.ErrTruncated)
		}
		body := b[h.size : h.size+h.length]
		switch n := registerWidth(h); {
		case n != 0:
			var err error
			if terms, err = unfoldRegisters(terms, h, n, body); err != nil {
				return Match{}, err
			}
		case h.field != 0:
			t, err := decodeTerm(h, body)
			if err != nil {
				return Match{}, err
			}
			terms = append(terms, t)
		case fieldOf(h.class, h.number) != 0:
			f := fieldOf(h.class, h.number)
			return Match{}, fmt.Errorf("openflow: match: %s has %d bytes", f, h.length)
		default:
			opaque = append(opaque, string(b[:h.size+h.length]))
		}
		b = b[h.size+h.length:]
	}
	m, err := joinTerms(terms, false)
	if err != nil {
		return Match{}, err
	}
	slices.Sort(opaque)
	for i, o := range opaque {
		if i > 0 && o == opaque[i-1] {
			return Match{}, fmt.Errorf("openflow: match: an unknown field is given twice")
		}
		m.tlvs += o
	}
	return m, nil
}

// decodeTerm decodes value and mask of a known field. Bits of the value
// outside the mask are an error, as they are to the switch.
func decodeTerm(h header, body []byte) (Term, error) {
	f := h.field
	t := Term{field: f, mask: f.FullMask()}
	full := t.mask
	n := f.Len()
	copy(t.value[16-n:], body)
	if h.masked {
		t.mask = wide{}
		copy(t.mask[16-n:], body[n:])
	}
	for i := range t.value {
		if t.value[i]&^t.mask[i] != 0 {
			return t, fmt.Errorf("openflow: match: %s has bits outside its mask", f)
		}
		t.mask[i] &= full[i]
		if t.value[i]&^full[i] != 0 {
			return t, fmt.Errorf("openflow: match: %s is given %s", f, faultRange)
		}
	}
	if t.mask != full && t.mask != (wide{}) && !f.Maskable() {
		t.fault = faultMask
	}
	return t, nil
}

// nxXXReg0 is the number of NXM_NX_XXREG0.
const nxXXReg0 = 111

// registerWidth is how many of reg<n> a field of wider registers holds: 2 for
// xreg, 4 for xxreg, 0 for other fields.
func registerWidth(h header) int {
	switch {
	case h.class == classXReg && h.number < 8:
		return 2
	case h.class == classNXM1 && h.number >= nxXXReg0 && h.number < nxXXReg0+4:
		return 4
	}
	return 0
}

// unfoldRegisters gives the terms on reg<n> that a term on n registers is.
func unfoldRegisters(terms []Term, h header, n int, body []byte) ([]Term, error) {
	size := 4 * n
	if len(body) != size && !(h.masked && len(body) == 2*size) || h.masked && len(body) != 2*size {
		return nil, fmt.Errorf("openflow: match: a register of %d bytes has %d", size, len(body))
	}
	first := int(h.number) * 2
	if n == 4 {
		first = (int(h.number) - nxXXReg0) * 4
	}
	for i := range n {
		part := header{field: Reg(first + i), masked: h.masked}
		var v [8]byte
		copy(v[:4], body[4*i:])
		if h.masked {
			copy(v[4:], body[size+4*i:])
		}
		t, err := decodeTerm(part, v[:])
		if err != nil {
			return nil, err
		}
		if t.mask != (wide{}) {
			terms = append(terms, t)
		}
	}
	return terms, nil
}
