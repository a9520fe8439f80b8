package openflow

import (
	"fmt"
	"maps"
)

// The OXM classes of OpenFlow 1.5 §7.2.3.3 and of Nicira's NXM.
const (
	classNXM0 = 0x0000 // OpenFlow 1.0 fields in NXM
	classNXM1 = 0x0001 // Nicira extensions
	classOXM  = 0x8000 // OpenFlow basic
	classXReg = 0x8001 // packet registers: 64-bit pairs of reg<n>
	classEric = 0x1000 // Ericsson's ICMPv6 ND fields
	classExp  = 0xffff // experimenter: four more bytes of header
)

// format says how a field's value looks as text.
type format uint8

const (
	asDecimal format = iota
	asHex
	asEthernet
	asIPv4
	asIPv6
	asPort
	asFrag
	asCTState
	asTCPFlags
	asTunFlags
	asPacketType
)

type fieldSpec struct {
	name     string // as set_field prints it
	alias    string // as a match prints it, if that differs
	nxm      string // as a subfield prints it
	bits     uint8
	bytes    uint8
	class    uint16
	number   uint8
	maskable bool
	writable bool
	format   format
	prereq   prereq
}

const (
	maskable, exact    = true, false
	writable, readOnly = true, false
)

// fieldSpecs is ovs-fields(7) as a table.
var fieldSpecs = [NumFields]fieldSpec{
	PacketType:   {"packet_type", "", "OXM_OF_PACKET_TYPE", 32, 4, classOXM, 44, exact, readOnly, asPacketType, 0},
	InPort:       {"in_port_oxm", "in_port", "OXM_OF_IN_PORT", 32, 4, classOXM, 0, exact, writable, asPort, 0},
	ActsetOutput: {"actset_output", "", "OXM_OF_ACTSET_OUTPUT", 32, 4, classOXM, 43, exact, readOnly, asPort, 0},
	ConjID:       {"conj_id", "", "NXM_NX_CONJ_ID", 32, 4, classNXM1, 37, exact, readOnly, asDecimal, 0},
	Metadata:     {"metadata", "", "OXM_OF_METADATA", 64, 8, classOXM, 2, maskable, writable, asHex, 0},
	TunID:        {"tun_id", "", "NXM_NX_TUN_ID", 64, 8, classOXM, 38, maskable, writable, asHex, 0},
	TunSrc:       {"tun_src", "", "NXM_NX_TUN_IPV4_SRC", 32, 4, classNXM1, 31, maskable, writable, asIPv4, 0},
	TunDst:       {"tun_dst", "", "NXM_NX_TUN_IPV4_DST", 32, 4, classNXM1, 32, maskable, writable, asIPv4, 0},
	TunIPv6Src:   {"tun_ipv6_src", "", "NXM_NX_TUN_IPV6_SRC", 128, 16, classNXM1, 109, maskable, writable, asIPv6, 0},
	TunIPv6Dst:   {"tun_ipv6_dst", "", "NXM_NX_TUN_IPV6_DST", 128, 16, classNXM1, 110, maskable, writable, asIPv6, 0},
	TunFlags:     {"tun_flags", "", "NXM_NX_TUN_FLAGS", 1, 2, classNXM1, 104, maskable, writable, asTunFlags, 0},
	PktMark:      {"pkt_mark", "", "NXM_NX_PKT_MARK", 32, 4, classNXM1, 33, maskable, writable, asHex, 0},
	Reg0:         register(0),
	Reg1:         register(1),
	Reg2:         register(2),
	Reg3:         register(3),
	Reg4:         register(4),
	Reg5:         register(5),
	Reg6:         register(6),
	Reg7:         register(7),
	Reg8:         register(8),
	Reg9:         register(9),
	Reg10:        register(10),
	Reg11:        register(11),
	Reg12:        register(12),
	Reg13:        register(13),
	Reg14:        register(14),
	Reg15:        register(15),

	EthSrc:  {"eth_src", "dl_src", "NXM_OF_ETH_SRC", 48, 6, classOXM, 4, maskable, writable, asEthernet, 0},
	EthDst:  {"eth_dst", "dl_dst", "NXM_OF_ETH_DST", 48, 6, classOXM, 3, maskable, writable, asEthernet, 0},
	EthType: {"eth_type", "dl_type", "NXM_OF_ETH_TYPE", 16, 2, classOXM, 5, exact, readOnly, asHex, 0},
	VlanVID: {"vlan_vid", "", "OXM_OF_VLAN_VID", 13, 2, classOXM, 6, maskable, writable, asDecimal, 0},
	VlanPCP: {"vlan_pcp", "", "OXM_OF_VLAN_PCP", 3, 1, classOXM, 7, exact, writable, asDecimal, needVlan},

	IPProto: {"nw_proto", "", "NXM_OF_IP_PROTO", 8, 1, classOXM, 10, exact, readOnly, asDecimal, needIP},
	IPFrag:  {"ip_frag", "nw_frag", "NXM_NX_IP_FRAG", 2, 1, classNXM1, 26, maskable, readOnly, asFrag, needIP},
	IPDSCP:  {"ip_dscp", "", "OXM_OF_IP_DSCP", 6, 1, classOXM, 8, exact, writable, asDecimal, needIP},
	IPECN:   {"nw_ecn", "", "NXM_NX_IP_ECN", 2, 1, classOXM, 9, exact, writable, asDecimal, needIP},
	IPTTL:   {"nw_ttl", "", "NXM_NX_IP_TTL", 8, 1, classNXM1, 29, exact, writable, asDecimal, needIP},

	IPv4Src:   {"ip_src", "nw_src", "NXM_OF_IP_SRC", 32, 4, classOXM, 11, maskable, writable, asIPv4, needIPv4},
	IPv4Dst:   {"ip_dst", "nw_dst", "NXM_OF_IP_DST", 32, 4, classOXM, 12, maskable, writable, asIPv4, needIPv4},
	IPv6Src:   {"ipv6_src", "", "NXM_NX_IPV6_SRC", 128, 16, classOXM, 26, maskable, writable, asIPv6, needIPv6},
	IPv6Dst:   {"ipv6_dst", "", "NXM_NX_IPV6_DST", 128, 16, classOXM, 27, maskable, writable, asIPv6, needIPv6},
	IPv6Label: {"ipv6_label", "", "NXM_NX_IPV6_LABEL", 20, 4, classOXM, 28, maskable, writable, asHex, needIPv6},

	TCPSrc:   {"tcp_src", "", "NXM_OF_TCP_SRC", 16, 2, classOXM, 13, maskable, writable, asDecimal, needTCP},
	TCPDst:   {"tcp_dst", "", "NXM_OF_TCP_DST", 16, 2, classOXM, 14, maskable, writable, asDecimal, needTCP},
	TCPFlags: {"tcp_flags", "", "NXM_NX_TCP_FLAGS", 12, 2, classOXM, 42, maskable, readOnly, asTCPFlags, needTCP},
	UDPSrc:   {"udp_src", "", "NXM_OF_UDP_SRC", 16, 2, classOXM, 15, maskable, writable, asDecimal, needUDP},
	UDPDst:   {"udp_dst", "", "NXM_OF_UDP_DST", 16, 2, classOXM, 16, maskable, writable, asDecimal, needUDP},
	SCTPSrc:  {"sctp_src", "", "OXM_OF_SCTP_SRC", 16, 2, classOXM, 17, maskable, writable, asDecimal, needSCTP},
	SCTPDst:  {"sctp_dst", "", "OXM_OF_SCTP_DST", 16, 2, classOXM, 18, maskable, writable, asDecimal, needSCTP},

	ICMPType:      {"icmp_type", "", "NXM_OF_ICMP_TYPE", 8, 1, classOXM, 19, exact, writable, asDecimal, needICMP},
	ICMPCode:      {"icmp_code", "", "NXM_OF_ICMP_CODE", 8, 1, classOXM, 20, exact, writable, asDecimal, needICMP},
	ICMPv6Type:    {"icmpv6_type", "", "NXM_NX_ICMPV6_TYPE", 8, 1, classOXM, 29, exact, writable, asDecimal, needICMPv6},
	ICMPv6Code:    {"icmpv6_code", "", "NXM_NX_ICMPV6_CODE", 8, 1, classOXM, 30, exact, writable, asDecimal, needICMPv6},
	NDTarget:      {"nd_target", "", "NXM_NX_ND_TARGET", 128, 16, classOXM, 31, maskable, writable, asIPv6, needND},
	NDSLL:         {"nd_sll", "", "NXM_NX_ND_SLL", 48, 6, classOXM, 32, maskable, writable, asEthernet, needNDSolicit},
	NDTLL:         {"nd_tll", "", "NXM_NX_ND_TLL", 48, 6, classOXM, 33, maskable, writable, asEthernet, needNDAdvert},
	NDReserved:    {"nd_reserved", "", "ERICOXM_OF_ICMPV6_ND_RESERVED", 32, 4, classEric, 1, exact, writable, asDecimal, needND},
	NDOptionsType: {"nd_options_type", "", "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", 8, 1, classEric, 2, exact, writable, asDecimal, needND},

	ARPOp:  {"arp_op", "", "NXM_OF_ARP_OP", 16, 2, classOXM, 21, exact, writable, asDecimal, needARP},
	ARPSPA: {"arp_spa", "", "NXM_OF_ARP_SPA", 32, 4, classOXM, 22, maskable, writable, asIPv4, needARP},
	ARPTPA: {"arp_tpa", "", "NXM_OF_ARP_TPA", 32, 4, classOXM, 23, maskable, writable, asIPv4, needARP},
	ARPSHA: {"arp_sha", "", "NXM_NX_ARP_SHA", 48, 6, classOXM, 24, maskable, writable, asEthernet, needARP},
	ARPTHA: {"arp_tha", "", "NXM_NX_ARP_THA", 48, 6, classOXM, 25, maskable, writable, asEthernet, needARP},

	MPLSLabel: {"mpls_label", "", "OXM_OF_MPLS_LABEL", 20, 4, classOXM, 34, exact, writable, asDecimal, needMPLS},
	MPLSTC:    {"mpls_tc", "", "OXM_OF_MPLS_TC", 3, 1, classOXM, 35, exact, writable, asDecimal, needMPLS},
	MPLSBOS:   {"mpls_bos", "", "OXM_OF_MPLS_BOS", 1, 1, classOXM, 36, exact, readOnly, asDecimal, needMPLS},
	MPLSTTL:   {"mpls_ttl", "", "NXM_NX_MPLS_TTL", 8, 1, classNXM1, 30, exact, writable, asDecimal, needMPLS},

	CTState:   {"ct_state", "", "NXM_NX_CT_STATE", 8, 4, classNXM1, 105, maskable, readOnly, asCTState, 0},
	CTZone:    {"ct_zone", "", "NXM_NX_CT_ZONE", 16, 2, classNXM1, 106, exact, readOnly, asHex, 0},
	CTMark:    {"ct_mark", "", "NXM_NX_CT_MARK", 32, 4, classNXM1, 107, maskable, writable, asHex, 0},
	CTLabel:   {"ct_label", "", "NXM_NX_CT_LABEL", 128, 16, classNXM1, 108, maskable, writable, asHex, 0},
	CTNwProto: {"ct_nw_proto", "", "NXM_NX_CT_NW_PROTO", 8, 1, classNXM1, 119, exact, readOnly, asDecimal, needCT},
	CTNwSrc:   {"ct_nw_src", "", "NXM_NX_CT_NW_SRC", 32, 4, classNXM1, 120, maskable, readOnly, asIPv4, needCT},
	CTNwDst:   {"ct_nw_dst", "", "NXM_NX_CT_NW_DST", 32, 4, classNXM1, 121, maskable, readOnly, asIPv4, needCT},
	CTIPv6Src: {"ct_ipv6_src", "", "NXM_NX_CT_IPV6_SRC", 128, 16, classNXM1, 122, maskable, readOnly, asIPv6, needCT},
	CTIPv6Dst: {"ct_ipv6_dst", "", "NXM_NX_CT_IPV6_DST", 128, 16, classNXM1, 123, maskable, readOnly, asIPv6, needCT},
	CTTpSrc:   {"ct_tp_src", "", "NXM_NX_CT_TP_SRC", 16, 2, classNXM1, 124, maskable, readOnly, asDecimal, needCTProto},
	CTTpDst:   {"ct_tp_dst", "", "NXM_NX_CT_TP_DST", 16, 2, classNXM1, 125, maskable, readOnly, asDecimal, needCTProto},
}

func register(n uint8) fieldSpec {
	return fieldSpec{fmt.Sprintf("reg%d", n), "", fmt.Sprintf("NXM_NX_REG%d", n), 32, 4, classNXM1, n, maskable, writable, asHex, 0}
}

// moreNames are names of ovs-fields(7) that are accepted but not printed.
var moreNames = map[string]Field{
	"eth_src": EthSrc, "eth_dst": EthDst, "eth_type": EthType,
	"ip_proto": IPProto, "nw_ttl": IPTTL, "ip_ecn": IPECN,
	"OXM_OF_ETH_SRC": EthSrc, "OXM_OF_ETH_DST": EthDst, "OXM_OF_ETH_TYPE": EthType,
	"OXM_OF_IP_PROTO": IPProto, "OXM_OF_IP_ECN": IPECN,
	"OXM_OF_IPV4_SRC": IPv4Src, "OXM_OF_IPV4_DST": IPv4Dst,
	"OXM_OF_IPV6_SRC": IPv6Src, "OXM_OF_IPV6_DST": IPv6Dst, "OXM_OF_IPV6_FLABEL": IPv6Label,
	"OXM_OF_TCP_SRC": TCPSrc, "OXM_OF_TCP_DST": TCPDst, "OXM_OF_TCP_FLAGS": TCPFlags,
	"OXM_OF_UDP_SRC": UDPSrc, "OXM_OF_UDP_DST": UDPDst,
	"OXM_OF_ICMPV4_TYPE": ICMPType, "OXM_OF_ICMPV4_CODE": ICMPCode,
	"OXM_OF_ICMPV6_TYPE": ICMPv6Type, "OXM_OF_ICMPV6_CODE": ICMPv6Code,
	"OXM_OF_IPV6_ND_TARGET": NDTarget, "OXM_OF_IPV6_ND_SLL": NDSLL, "OXM_OF_IPV6_ND_TLL": NDTLL,
	"OXM_OF_ARP_OP": ARPOp, "OXM_OF_ARP_SPA": ARPSPA, "OXM_OF_ARP_TPA": ARPTPA,
	"OXM_OF_ARP_SHA": ARPSHA, "OXM_OF_ARP_THA": ARPTHA,
	"OXM_OF_TUNNEL_ID": TunID, "tunnel_id": TunID,
}

var fieldsByName = func() map[string]Field {
	m := make(map[string]Field, 4*int(NumFields))
	for f := Field(1); f < NumFields; f++ {
		s := &fieldSpecs[f]
		m[s.name], m[s.nxm] = f, f
		if s.alias != "" {
			m[s.alias] = f
		}
	}
	maps.Copy(m, moreNames)
	return m
}()
