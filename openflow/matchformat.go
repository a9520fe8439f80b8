package openflow

import (
	"net/netip"
	"strconv"
	"strings"
)

// String is the match as ovs-ofctl dump-flows prints it; empty if it matches
// every packet.
func (m Match) String() string { return string(m.appendText(nil)) }

// textOrder is the order in which ovs-ofctl prints fields. EthType stands
// where the shorthand for it ("tcp", "ip", …) stands, VlanVID for the VLAN
// fields together.
var textOrder = [...]Field{
	PktMark, ConjID, ActsetOutput, CTState, CTZone, CTMark, CTLabel,
	CTNwSrc, CTIPv6Src, CTNwDst, CTIPv6Dst, CTNwProto, CTTpSrc, CTTpDst, PacketType, EthType,
	Reg0, Reg1, Reg2, Reg3, Reg4, Reg5, Reg6, Reg7, Reg8, Reg9, Reg10, Reg11, Reg12, Reg13, Reg14, Reg15,
	TunID, TunSrc, TunDst, TunIPv6Src, TunIPv6Dst, TunFlags, Metadata, InPort, VlanVID, EthSrc, EthDst, 0,
	IPv6Src, IPv6Dst, IPv6Label, ARPSPA, ARPTPA, IPv4Src, IPv4Dst, IPProto, ARPOp, ARPSHA, ARPTHA,
	IPDSCP, IPECN, IPTTL, MPLSLabel, MPLSTC, MPLSTTL, MPLSBOS, IPFrag,
	TCPSrc, TCPDst, UDPSrc, UDPDst, SCTPSrc, SCTPDst, ICMPType, ICMPCode, ICMPv6Type, ICMPv6Code,
	NDTarget, NDSLL, NDTLL, NDReserved, NDOptionsType, TCPFlags,
}

// textRank is the place of each field in textOrder.
var textRank = func() (rank [NumFields]uint8) {
	for i, f := range textOrder {
		rank[f] = uint8(i)
	}
	return rank
}()

// appendText adds the match as text.
func (m Match) appendText(b []byte) []byte {
	var (
		has   [len(textOrder)]bool
		terms [len(textOrder)]Term
		start = len(b)
	)
	for t := range m.All() {
		at := textRank[t.field]
		if t.field == VlanPCP {
			at = textRank[VlanVID]
			t = mergeTCI(terms[at], t)
		}
		has[at], terms[at] = true, t
	}
	kind, protoShown := m.shorthand()
	for i := range terms {
		t := &terms[i]
		switch {
		case !has[i] && textOrder[i] != 0:
			continue
		case textOrder[i] == EthType && kind != "":
			b = append(append(b, kind...), ',')
			continue
		case textOrder[i] == EthType:
			continue
		case textOrder[i] == 0: // the place of an Ethernet type without a shorthand
			if at := textRank[EthType]; kind != "" || !has[at] {
				continue
			} else {
				t = &terms[at]
			}
		case t.field == IPProto && protoShown:
			continue
		}
		b = append(appendTermText(b, t), ',')
	}
	if rest := m.opaque(); rest != "" {
		b = append(appendBytes(append(b, "oxm="...), rest), ',')
	}
	if len(b) > start {
		b = b[:len(b)-1]
	}
	return b
}

// shorthand is the keyword that stands for Ethernet type and IP protocol;
// proto reports whether it says the protocol too.
func (m Match) shorthand() (kind string, proto bool) {
	ethType, _, ok := m.Uint64(EthType)
	if !ok {
		return "", false
	}
	p, _, hasProto := m.Uint64(IPProto)
	kind = ethKinds[uint16(ethType)]
	if hasProto {
		for _, k := range protoKinds {
			if k.ethType == uint16(ethType) && k.proto == uint8(p) {
				return k.name, true
			}
		}
	}
	return kind, false
}

var ethKinds = map[uint16]string{
	EthTypeIPv4: "ip", EthTypeIPv6: "ipv6", EthTypeARP: "arp", EthTypeRARP: "rarp",
	EthTypeMPLS: "mpls", ethTypeMPLSMulticast: "mplsm",
}

var protoKinds = []struct {
	name    string
	ethType uint16
	proto   uint8
}{
	{"tcp", EthTypeIPv4, ProtoTCP}, {"udp", EthTypeIPv4, ProtoUDP},
	{"icmp", EthTypeIPv4, ProtoICMP}, {"sctp", EthTypeIPv4, ProtoSCTP},
	{"tcp6", EthTypeIPv6, ProtoTCP}, {"udp6", EthTypeIPv6, ProtoUDP},
	{"icmp6", EthTypeIPv6, ProtoICMPv6}, {"sctp6", EthTypeIPv6, ProtoSCTP},
}

// mergeTCI joins a VLAN VID term and a VLAN PCP term to a term over the 16
// bits of the VLAN TCI, still called VlanVID.
func mergeTCI(vid, pcp Term) Term {
	value, mask := vid.Uint64()
	p, _ := pcp.Uint64()
	vid.value[14], vid.value[15] = byte((value|p<<13)>>8), byte(value)
	vid.mask[14], vid.mask[15] = byte((mask|7<<13)>>8), byte(mask)
	return vid
}

// appendTermText adds name=value, as ovs-ofctl prints it in a match.
func appendTermText(b []byte, t *Term) []byte {
	value, mask := t.Uint64()
	switch f := t.field; f {
	case VlanVID:
		return appendVlan(b, value, mask)
	case IPDSCP:
		return strconv.AppendUint(append(b, "nw_tos="...), value<<2, 10)
	case EthType:
		return appendPadded(append(b, "dl_type="...), value, 4)
	case TCPSrc, UDPSrc, SCTPSrc:
		b = append(b, "tp_src="...)
	case TCPDst, UDPDst, SCTPDst:
		b = append(b, "tp_dst="...)
	case ICMPv6Type:
		b = append(b, "icmp_type="...)
	case ICMPv6Code:
		b = append(b, "icmp_code="...)
	case IPv6Label:
		b = appendPadded(append(b, "ipv6_label="...), value, 5)
		if !t.Exact() {
			b = appendPadded(append(b, '/'), mask, 5)
		}
		return b
	case CTZone:
		return strconv.AppendUint(append(b, "ct_zone="...), value, 10)
	default:
		b = append(append(b, f.Name()...), '=')
	}
	switch t.field.spec().format {
	case asHex:
		if t.field.Bits() <= 64 {
			b = appendAltHex(b, value)
			if !t.Exact() {
				b = appendAltHex(append(b, '/'), mask)
			}
			return b
		}
	case asDecimal:
		if t.Exact() {
			return strconv.AppendUint(b, value, 10)
		}
		return appendAltHex(append(appendAltHex(b, value), '/'), mask)
	default: // in one way only
	}
	return appendValue(b, t)
}

// appendVlan adds the VLAN condition: dl_vlan and dl_vlan_pcp where they can
// say it, the TCI where not.
func appendVlan(b []byte, value, mask uint64) []byte {
	const vidBits, pcpBits = 0x0fff, 0xe000
	vid, pcp := mask&vidBits, mask&pcpBits
	if value&VlanPresent != 0 && (vid == 0 || vid == vidBits) && (vid != 0 || pcp != 0) {
		if vid != 0 {
			b = strconv.AppendUint(append(b, "dl_vlan="...), value&vidBits, 10)
		}
		if pcp != 0 {
			if vid != 0 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(append(b, "dl_vlan_pcp="...), value>>13, 10)
		}
		return b
	}
	b = appendPadded(append(b, "vlan_tci="...), value, 4)
	if mask != 0xffff {
		b = appendPadded(append(b, '/'), mask, 4)
	}
	return b
}

// appendValue adds value or value/mask in the field's own format.
func appendValue(b []byte, t *Term) []byte {
	exact := t.Exact()
	value, mask := t.Uint64()
	switch t.field.spec().format {
	case asEthernet:
		b = appendMAC(b, t.value[10:])
		if !exact {
			b = appendMAC(append(b, '/'), t.mask[10:])
		}
	case asIPv4, asIPv6:
		p, ok := t.Prefix()
		switch {
		case exact:
			b = t.addr(t.value).AppendTo(b)
		case ok:
			b = p.AppendTo(b)
		default:
			b = t.addr(t.mask).AppendTo(append(t.addr(t.value).AppendTo(b), '/'))
		}
	case asPort:
		b = appendPort(b, uint32(value))
	case asFrag:
		b = append(b, fragName(value, mask)...)
	case asCTState:
		b = appendFlags(b, ctStateNames[:], value, mask, exact)
	case asTCPFlags:
		b = appendFlags(b, tcpFlagNames[:], value, mask, exact)
	case asTunFlags:
		b = appendFlags(b, tunFlagNames[:], value, mask, false)
	case asPacketType:
		b = strconv.AppendUint(append(b, '('), value>>16, 10)
		b = append(appendAltHex(append(b, ','), value&0xffff), ')')
	case asHex:
		n := 16 - t.field.Len()
		b = appendHex(b, t.value[n:])
		if !exact {
			b = appendHex(append(b, '/'), t.mask[n:])
		}
	default:
		b = strconv.AppendUint(b, value, 10)
		if !exact {
			b = appendHex(append(b, '/'), t.mask[16-t.field.Len():])
		}
	}
	return b
}

// addr reads a value as an address of the term's family.
func (t *Term) addr(v wide) netip.Addr {
	if t.field.spec().format == asIPv4 {
		return netip.AddrFrom4([4]byte(v[12:]))
	}
	return netip.AddrFrom16(v)
}

// PacketText is the match as ofproto/trace (ovs-vswitchd(8)) reads a packet
// that has these values: without those that are 0, as they are anyway, and with
// ports called by their protocol.
func (m Match) PacketText() string {
	var terms []Term
	for t := range m.All() {
		if t.value != (wide{}) {
			terms = append(terms, t)
		}
	}
	packet, _ := joinTerms(terms, false) // each is of m: nothing can be wrong with it
	text := packet.String()
	switch proto, _, _ := m.Uint64(IPProto); proto {
	case ProtoUDP:
		return strings.NewReplacer("tp_src=", "udp_src=", "tp_dst=", "udp_dst=").Replace(text)
	case ProtoSCTP:
		return strings.NewReplacer("tp_src=", "sctp_src=", "tp_dst=", "sctp_dst=").Replace(text)
	case ProtoICMPv6:
		return strings.NewReplacer("icmp_type=", "icmpv6_type=", "icmp_code=", "icmpv6_code=").Replace(text)
	}
	return text
}
