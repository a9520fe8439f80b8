package openflow

import "strconv"

// Field names a match field of ovs-fields(7). The zero Field is none.
// The order of the constants is the order of fields inside a Match: a field
// comes after those it requires, as OpenFlow 1.5 §7.2.3.8 demands on the wire.
type Field uint8

// The fields. Reg1 to Reg15 are Reg0+n. Wider registers (xreg, xxreg) exist
// on the wire only and are folded into these.
const (
	_ Field = iota
	PacketType
	InPort
	ActsetOutput
	ConjID
	Metadata
	TunID
	TunSrc
	TunDst
	TunIPv6Src
	TunIPv6Dst
	TunFlags
	PktMark
	Reg0
	Reg1
	Reg2
	Reg3
	Reg4
	Reg5
	Reg6
	Reg7
	Reg8
	Reg9
	Reg10
	Reg11
	Reg12
	Reg13
	Reg14
	Reg15
	EthSrc
	EthDst
	EthType
	VlanVID // 0x1000|vid; 0 is untagged
	VlanPCP
	IPProto
	IPFrag
	IPDSCP // the six upper bits of the TOS byte, shifted down
	IPECN
	IPTTL
	IPv4Src
	IPv4Dst
	IPv6Src
	IPv6Dst
	IPv6Label
	TCPSrc
	TCPDst
	TCPFlags
	UDPSrc
	UDPDst
	SCTPSrc
	SCTPDst
	ICMPType
	ICMPCode
	ICMPv6Type
	ICMPv6Code
	NDTarget
	NDSLL
	NDTLL
	NDReserved
	NDOptionsType
	ARPOp
	ARPSPA
	ARPTPA
	ARPSHA
	ARPTHA
	MPLSLabel
	MPLSTC
	MPLSBOS
	MPLSTTL
	CTState
	CTZone
	CTMark
	CTLabel
	CTNwProto
	CTNwSrc
	CTNwDst
	CTIPv6Src
	CTIPv6Dst
	CTTpSrc
	CTTpDst

	NumFields // one more than the last
)

// Reg is the field of packet register n, 0 to 15; the zero Field beyond.
func Reg(n int) Field {
	if n < 0 || n > int(Reg15-Reg0) {
		return 0
	}
	return Reg0 + Field(n)
}

// Valid reports whether f is one of the fields of this package.
func (f Field) Valid() bool { return f > 0 && f < NumFields }

func (f Field) spec() *fieldSpec {
	if !f.Valid() {
		return &fieldSpecs[0]
	}
	return &fieldSpecs[f]
}

// Name is the field's name in ovs-fields(7), such as "nw_src" or "reg3". It is
// the name used in matches where the field has several.
func (f Field) Name() string {
	if !f.Valid() {
		return "field(" + strconv.Itoa(int(f)) + ")"
	}
	if s := f.spec(); s.alias != "" {
		return s.alias
	}
	return f.spec().name
}

// String is Name.
func (f Field) String() string { return f.Name() }

// Bits is the number of bits of the field that carry meaning.
func (f Field) Bits() int { return int(f.spec().bits) }

// Maskable reports whether a match may leave out some of the field's bits.
func (f Field) Maskable() bool { return f.spec().maskable }

// Writable reports whether an action may change the field.
func (f Field) Writable() bool { return f.spec().writable }

// Len is the length in bytes of the field's value on the wire (ovs-fields(7),
// Width in bytes).
func (f Field) Len() int { return int(f.spec().bytes) }

// FieldByName finds a field by any of its names in ovs-fields(7): "ip_src",
// "nw_src", "NXM_OF_IP_SRC".
func FieldByName(name string) (Field, bool) {
	f, ok := fieldsByName[name]
	return f, ok
}
