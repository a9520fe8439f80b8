package openflow

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// Term is one condition of a match: some bits of one field have these values.
// Terms are made by the methods of Field; one made from bad input carries the
// fault, and NewMatch reports it.
type Term struct {
	field       Field
	fault       fault
	value, mask wide
}

// wide is a field's value, most significant byte first, right-aligned.
type wide = [16]byte

type fault uint8

const (
	faultNone fault = iota
	faultLength
	faultRange
	faultKind
	faultMask
)

func (f fault) String() string {
	switch f {
	case faultLength:
		return "a value of the wrong length"
	case faultRange:
		return "a value that does not fit"
	case faultKind:
		return "a value of another kind"
	case faultMask:
		return "a mask, but it can only be matched exactly"
	default:
		return "no fault"
	}
}

// Is matches the field against v exactly. The field has at most 64 bits.
func (f Field) Is(v uint64) Term { return f.uintTerm(v, f.fullUint()) }

// IsMasked matches the bits of the field that are set in mask against those of
// v; other bits of v are ignored, as ovs-ofctl does. A mask of 0 is no
// condition. The field has at most 64 bits.
func (f Field) IsMasked(v, mask uint64) Term {
	if v&^mask&^f.fullUint() != 0 {
		return Term{field: f, fault: faultRange}
	}
	return f.uintTerm(v&mask, mask)
}

func (f Field) fullUint() uint64 {
	if n := f.Bits(); n < 64 {
		return 1<<n - 1
	}
	return ^uint64(0)
}

func (f Field) uintTerm(v, mask uint64) Term {
	t := Term{field: f}
	if f.Bits() > 64 {
		t.fault = faultLength
		return t
	}
	if full := f.fullUint(); v&^full != 0 || mask&^full != 0 {
		t.fault = faultRange
	} else if mask != full && mask != 0 && !f.Maskable() {
		t.fault = faultMask
	}
	binary.BigEndian.PutUint64(t.value[8:], v)
	binary.BigEndian.PutUint64(t.mask[8:], mask)
	return t
}

// IsBytes matches the field against the bytes of v where mask has bits set, or
// exactly if mask is nil. Both are as long as the field is on the wire
// (ovs-fields(7), Width in bytes).
func (f Field) IsBytes(v, mask []byte) Term {
	n := f.Len()
	if len(v) != n || mask != nil && len(mask) != n {
		return Term{field: f, fault: faultLength}
	}
	t := Term{field: f, mask: f.FullMask()}
	copy(t.value[16-n:], v)
	full := t.mask
	if mask != nil {
		t.mask = wide{}
		copy(t.mask[16-n:], mask)
	}
	for i := range t.value {
		if (t.mask[i])&^full[i] != 0 || t.value[i]&^full[i] != 0 {
			t.fault = faultRange
		}
		t.value[i] &= t.mask[i]
	}
	if t.mask != full && t.mask != (wide{}) && !f.Maskable() {
		t.fault = faultMask
	}
	return t
}

// FullMask has a bit set for each bit of the field.
func (f Field) FullMask() (m [16]byte) {
	n := f.Bits()
	for i := 15; n > 0; i-- {
		if n >= 8 {
			m[i] = 0xff
		} else {
			m[i] = 1<<n - 1
		}
		n -= 8
	}
	return m
}

// IsAddr matches an address field of the same family exactly.
func (f Field) IsAddr(a netip.Addr) Term {
	return f.IsPrefix(netip.PrefixFrom(a, a.BitLen()))
}

// IsPrefix matches an address field of the same family against p; bits of the
// address beyond the prefix length are ignored, and a length of 0 is no
// condition.
func (f Field) IsPrefix(p netip.Prefix) Term {
	fam := f.spec().format
	if !p.IsValid() || fam != asIPv4 && fam != asIPv6 || p.Addr().Is4() != (fam == asIPv4) || p.Addr().Zone() != "" {
		return Term{field: f, fault: faultKind}
	}
	t := Term{field: f}
	v := p.Masked().Addr().AsSlice()
	copy(t.value[16-len(v):], v)
	m := t.mask[16-len(v):]
	for i := range m {
		switch left := p.Bits() - 8*i; {
		case left >= 8:
			m[i] = 0xff
		case left > 0:
			m[i] = ^byte(0xff >> left)
		}
	}
	return t
}

// IsMAC matches an Ethernet address field exactly.
func (f Field) IsMAC(mac [6]byte) Term {
	return f.IsMACMasked(mac, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
}

// IsMACMasked matches the bits of an Ethernet address field that mask sets.
func (f Field) IsMACMasked(mac, mask [6]byte) Term {
	if f.spec().format != asEthernet {
		return Term{field: f, fault: faultKind}
	}
	return f.IsBytes(mac[:], mask[:])
}

// Field is the field that the term is about.
func (t Term) Field() Field { return t.field }

// Value is the value of the bits that Mask sets, right-aligned; other bits are 0.
func (t Term) Value() [16]byte { return t.value }

// Mask has a bit set for each bit that the term compares, right-aligned.
func (t Term) Mask() [16]byte { return t.mask }

// Uint64 is the value's and mask's 64 low-order bits.
func (t Term) Uint64() (value, mask uint64) {
	return binary.BigEndian.Uint64(t.value[8:]), binary.BigEndian.Uint64(t.mask[8:])
}

// Exact reports whether the term compares every bit of the field.
func (t Term) Exact() bool { return t.mask == t.field.FullMask() }

// Prefix is the term's address prefix; ok is false if the field is no IPv4 or
// IPv6 address or the mask is no prefix.
func (t Term) Prefix() (p netip.Prefix, ok bool) {
	var a netip.Addr
	switch t.field.spec().format {
	case asIPv4:
		a = netip.AddrFrom4([4]byte(t.value[12:]))
	case asIPv6:
		a = netip.AddrFrom16(t.value)
	default:
		return netip.Prefix{}, false
	}
	n, ok := prefixLen(t.mask[16-a.BitLen()/8:])
	if !ok {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, n), true
}

// prefixLen is the number of leading ones of a mask; ok is false if a one
// follows a zero.
func prefixLen(mask []byte) (n int, ok bool) {
	for i, b := range mask {
		if b == 0xff {
			n += 8
			continue
		}
		ones := bits.LeadingZeros8(^b)
		if b<<ones != 0 {
			return 0, false
		}
		for _, c := range mask[i+1:] {
			if c != 0 {
				return 0, false
			}
		}
		return n + ones, true
	}
	return n, true
}

// Err says what is wrong with the term, nil if nothing is.
func (t Term) Err() error {
	if !t.field.Valid() {
		return fmt.Errorf("openflow: unknown field %d", t.field)
	}
	if t.fault != faultNone {
		return fmt.Errorf("openflow: field %s is given %s", t.field, t.fault)
	}
	return nil
}
