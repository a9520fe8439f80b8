package ofsim

import (
	"encoding/binary"
	"fmt"

	"github.com/ringfence/ringfence/openflow"
)

// Packet is a packet as the flow tables see it: the value of every field, with
// its registers, metadata and conntrack state. It is comparable.
type Packet struct {
	fields [openflow.NumFields]value128
	inner  taggedVLAN // a second VLAN tag, behind VlanVID and VlanPCP
}

type taggedVLAN struct{ vid, pcp value128 }

// value128 is a field's value, the low bits last.
type value128 struct{ hi, lo uint64 }

func value128From(b [16]byte) value128 {
	return value128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (v value128) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], v.hi)
	binary.BigEndian.PutUint64(b[8:], v.lo)
	return b
}

// equals the term that compares all of a field with the value.
func (v value128) equals(f openflow.Field) openflow.Term {
	b := v.bytes()
	return f.IsBytes(b[16-f.Len():], nil)
}

func (v value128) and(m value128) value128    { return value128{v.hi & m.hi, v.lo & m.lo} }
func (v value128) or(m value128) value128     { return value128{v.hi | m.hi, v.lo | m.lo} }
func (v value128) andNot(m value128) value128 { return value128{v.hi &^ m.hi, v.lo &^ m.lo} }

func (v value128) shiftLeft(n uint) value128 {
	return value128{v.hi<<n | v.lo>>(64-n) | v.lo<<(n-64), v.lo << n}
}

func (v value128) shiftRight(n uint) value128 {
	return value128{v.hi >> n, v.lo>>n | v.hi<<(64-n) | v.hi>>(n-64)}
}

func onesValue(n uint) value128 {
	if n >= 64 {
		return value128{1<<(n-64) - 1, ^uint64(0)}
	}
	return value128{0, 1<<n - 1}
}

// NewPacket returns a packet with these values; what is not named is 0, as it is
// in a packet without that header. Every term compares all bits of its field,
// and the fields that a field requires stand among the terms (ovs-fields(7),
// Prerequisites).
func NewPacket(terms ...openflow.Term) (Packet, error) {
	var p Packet
	if _, err := openflow.NewMatch(terms...); err != nil {
		return p, err
	}
	return p.With(terms...)
}

// With returns the packet with some fields set anew; prerequisites are not
// checked.
func (p Packet) With(terms ...openflow.Term) (Packet, error) {
	for _, t := range terms {
		if err := t.Err(); err != nil {
			return p, err
		}
		if !t.Exact() {
			return p, fmt.Errorf("ofsim: field %s of a packet has a mask", t.Field())
		}
		p.fields[t.Field()] = value128From(t.Value())
	}
	return p, nil
}

// Get returns the value of a field, right-aligned.
func (p Packet) Get(f openflow.Field) [16]byte {
	if !f.Valid() {
		return [16]byte{}
	}
	return p.fields[f].bytes()
}

// Uint returns the low 64 bits of a field.
func (p *Packet) Uint(f openflow.Field) uint64 {
	if !f.Valid() {
		return 0
	}
	return p.fields[f].lo
}

// String is the packet as ofproto/trace (ovs-vswitchd(8)) reads it.
func (p Packet) String() string {
	var terms []openflow.Term
	for f := openflow.Field(1); f < openflow.NumFields; f++ {
		terms = append(terms, p.fields[f].equals(f))
	}
	m, err := openflow.NewMetadata(terms...)
	if err != nil {
		return err.Error() // With lets no such value in
	}
	return m.PacketText()
}

// bits is a part of a field.
func (p *Packet) bits(f openflow.Field, r openflow.Range) value128 {
	return p.fields[f].shiftRight(uint(r.Offset)).and(onesValue(width(f, r)))
}

func (p *Packet) setBits(f openflow.Field, r openflow.Range, v value128) {
	mask := onesValue(width(f, r)).shiftLeft(uint(r.Offset))
	p.fields[f] = p.fields[f].andNot(mask).or(v.shiftLeft(uint(r.Offset)).and(mask))
}

// width is how many bits of a field a range is.
func width(f openflow.Field, r openflow.Range) uint {
	if r.Width != 0 {
		return uint(r.Width)
	}
	return uint(f.Bits()) - uint(r.Offset)
}

// has reports whether the packet has the field at all, so that an action may
// write it.
func (p *Packet) has(f openflow.Field) bool { return f.In(p.Uint) }

// hidePorts makes a fragment what the tables see of it (OFPC_FRAG_NORMAL).
func (p *Packet) hidePorts() {
	for _, f := range []openflow.Field{openflow.TCPSrc, openflow.TCPDst, openflow.UDPSrc, openflow.UDPDst, openflow.SCTPSrc, openflow.SCTPDst, openflow.ICMPType, openflow.ICMPCode, openflow.ICMPv6Type, openflow.ICMPv6Code} {
		p.fields[f] = value128{}
	}
}

func (p *Packet) clearConntrack() {
	for f := openflow.CTState; f <= openflow.CTTpDst; f++ {
		p.fields[f] = value128{}
	}
}

func (p *Packet) pushVLAN() {
	p.inner = taggedVLAN{p.fields[openflow.VlanVID], p.fields[openflow.VlanPCP]}
	p.fields[openflow.VlanVID] = value128{lo: openflow.VlanPresent}
	p.fields[openflow.VlanPCP] = value128{}
}

func (p *Packet) popVLAN() {
	p.fields[openflow.VlanVID], p.fields[openflow.VlanPCP] = p.inner.vid, p.inner.pcp
	p.inner = taggedVLAN{}
}
