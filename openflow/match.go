package openflow

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// Match is the condition under which a flow applies: the conjunction of its
// terms. The zero Match matches every packet. Two Matches are equal (==)
// exactly if they have the same terms.
//
// A Match is one string: the OXM TLVs of OpenFlow 1.5 §7.2.3, one for each
// term, in the order of the Field constants, a mask only where the term is not
// exact; then, in order of their bytes, TLVs of fields that this package does
// not know, as a foreign flow may have them.
type Match struct{ tlvs string }

// NewMatch joins terms, in any order. Faulty terms, two terms for one field
// and fields whose prerequisites are missing are errors. Terms with an empty
// mask are no conditions and left out.
func NewMatch(terms ...Term) (Match, error) { return joinTerms(terms, true) }

// NewMetadata is NewMatch without the prerequisites: what is known of a packet
// beside its bytes, such as registers, has none.
func NewMetadata(terms ...Term) (Match, error) { return joinTerms(terms, false) }

// joinTerms is NewMatch; it checks prerequisites only if told to.
func joinTerms(terms []Term, check bool) (Match, error) {
	var space [24]int
	order := space[:0]
	for i := range terms {
		t := &terms[i]
		if err := t.Err(); err != nil {
			return Match{}, err
		}
		if t.mask == (wide{}) || t.field == PacketType && t.value == (wide{}) {
			continue // OXM_OF_PACKET_TYPE 0 is Ethernet, the default
		}
		if len(order) == int(NumFields) {
			return Match{}, fmt.Errorf("openflow: field %s is given twice", t.field)
		}
		at := len(order)
		order = append(order, 0)
		for at > 0 && terms[order[at-1]].field > t.field {
			order[at] = order[at-1]
			at--
		}
		if at > 0 && terms[order[at-1]].field == t.field {
			return Match{}, fmt.Errorf("openflow: field %s is given twice", t.field)
		}
		order[at] = i
	}
	var (
		buf  [256]byte
		b    = buf[:0]
		seen facts
	)
	for _, i := range order {
		t := &terms[i]
		if t.field == IPFrag {
			whole := t.wholeFrag()
			t = &whole
		}
		if check {
			if err := seen.check(t.field); err != nil {
				return Match{}, err
			}
			value, mask := t.Uint64()
			seen.learn(t.field, value, mask)
		}
		b = appendTerm(b, t)
	}
	return Match{string(b)}, nil
}

// wholeFrag gives the one way to write conditions on IPFrag that come to the
// same, as a later fragment is a fragment: no fragment, a later fragment.
func (t Term) wholeFrag() Term {
	switch value, mask := t.Uint64(); {
	case value == 0 && mask == FragAny:
		return IPFrag.Is(0)
	case value == FragLater && mask == FragLater:
		return IPFrag.Is(FragAny | FragLater)
	}
	return t
}

// MustMatch is NewMatch for terms known to be right; it panics if they are not.
func MustMatch(terms ...Term) Match {
	m, err := NewMatch(terms...)
	if err != nil {
		panic(err)
	}
	return m
}

// appendTerm adds the term's TLV.
func appendTerm(b []byte, t *Term) []byte {
	exact := t.Exact()
	b = appendHeader(b, t.field, !exact)
	n := t.field.Len()
	b = append(b, t.value[16-n:]...)
	if !exact {
		b = append(b, t.mask[16-n:]...)
	}
	return b
}

// appendHeader adds an OXM header: class, field, whether there is a mask, and
// the length of what follows.
func appendHeader(b []byte, f Field, masked bool) []byte {
	s := f.spec()
	n, bit := s.bytes, byte(0)
	if masked {
		n, bit = 2*n, 1
	}
	return append(b, byte(s.class>>8), byte(s.class), s.number<<1|bit, n)
}

// All yields the terms in the order of the Field constants.
func (m Match) All() iter.Seq[Term] {
	return func(yield func(Term) bool) {
		for rest := m.tlvs; rest != ""; {
			var t Term
			if t, rest = nextTerm(rest); t.field == 0 || !yield(t) {
				return
			}
		}
	}
}

// Terms are the terms in the order of the Field constants.
func (m Match) Terms() []Term { return slices.Collect(m.All()) }

// nextTerm cuts the first TLV of a Match; the field is 0 if the rest is of
// unknown fields.
func nextTerm(s string) (Term, string) {
	h := parseHeader(s)
	if h.field == 0 {
		return Term{}, s
	}
	t := Term{field: h.field, mask: h.field.FullMask()}
	n := h.field.Len()
	body := s[h.size : h.size+h.length]
	copy(t.value[16-n:], body)
	if h.masked {
		copy(t.mask[16-n:], body[n:])
	}
	return t, s[h.size+h.length:]
}

// Get is the term's value and mask, right-aligned; ok is false if the match
// has no condition on f.
func (m Match) Get(f Field) (value, mask [16]byte, ok bool) {
	t, ok := m.term(f)
	return t.value, t.mask, ok
}

// Uint64 is Get for fields of at most 64 bits.
func (m Match) Uint64(f Field) (value, mask uint64, ok bool) {
	t, ok := m.term(f)
	value, mask = t.Uint64()
	return value, mask, ok
}

// Prefix is Get for address fields; ok is false also if the mask is no prefix.
func (m Match) Prefix(f Field) (p netip.Prefix, ok bool) {
	if t, has := m.term(f); has {
		return t.Prefix()
	}
	return netip.Prefix{}, false
}

// Has reports whether the match has a condition on f.
func (m Match) Has(f Field) bool {
	_, ok := m.term(f)
	return ok
}

func (m Match) term(f Field) (Term, bool) {
	for rest := m.tlvs; rest != ""; {
		h := parseHeader(rest)
		if h.field == f && f != 0 {
			t, _ := nextTerm(rest)
			return t, true
		}
		if h.field == 0 || h.field > f {
			break
		}
		rest = rest[h.size+h.length:]
	}
	return Term{}, false
}

// Compare orders matches by their canonical bytes: a stable order for listings.
func (m Match) Compare(o Match) int { return strings.Compare(m.tlvs, o.tlvs) }

// IsZero reports whether the match matches every packet.
func (m Match) IsZero() bool { return m.tlvs == "" }

// With is the match with terms added; a term for a field that m has already is
// an error.
func (m Match) With(terms ...Term) (Match, error) {
	if m.opaque() != "" {
		return Match{}, fmt.Errorf("openflow: a match with unknown fields cannot be extended")
	}
	return NewMatch(append(m.Terms(), terms...)...)
}

// opaque is the TLVs of unknown fields.
func (m Match) opaque() string {
	rest := m.tlvs
	for rest != "" {
		h := parseHeader(rest)
		if h.field == 0 {
			break
		}
		rest = rest[h.size+h.length:]
	}
	return rest
}
