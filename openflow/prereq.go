package openflow

import "fmt"

// prereq is what a match must say before a field can be matched at all
// (ovs-fields(7), Prerequisites).
type prereq uint8

const (
	needNothing prereq = iota
	needVlan
	needIP
	needIPv4
	needIPv6
	needARP
	needTCP
	needUDP
	needSCTP
	needICMP
	needICMPv6
	needND
	needNDSolicit
	needNDAdvert
	needMPLS
	needCT
	needCTProto
)

var prereqNames = [...]string{
	needNothing:   "nothing",
	needVlan:      "vlan_vid with 0x1000 set",
	needIP:        "dl_type 0x0800 or 0x86dd",
	needIPv4:      "dl_type=0x0800",
	needIPv6:      "dl_type=0x86dd",
	needARP:       "dl_type 0x0806 or 0x8035",
	needTCP:       "nw_proto=6, and nw_frag other than later",
	needUDP:       "nw_proto=17, and nw_frag other than later",
	needSCTP:      "nw_proto=132, and nw_frag other than later",
	needICMP:      "dl_type=0x0800,nw_proto=1",
	needICMPv6:    "dl_type=0x86dd,nw_proto=58",
	needND:        "icmpv6_type 135 or 136,icmpv6_code=0",
	needNDSolicit: "icmpv6_type=135,icmpv6_code=0",
	needNDAdvert:  "icmpv6_type=136,icmpv6_code=0",
	needMPLS:      "dl_type 0x8847 or 0x8848",
	needCT:        "a ct_state that implies a tracked, valid packet",
	needCTProto:   "ct_nw_proto",
}

// facts is what the fields seen so far say about the packet.
type facts struct {
	ethType, proto   uint16
	hasProto         bool
	icmpType         uint16
	icmpCodeZero     bool
	fragLater        bool
	vlan, ct, ctProt bool
}

// learn takes in the condition of one more field.
func (s *facts) learn(f Field, value, mask uint64) {
	switch f {
	case EthType:
		s.ethType = uint16(value)
	case VlanVID:
		s.vlan = value&VlanPresent != 0
	case IPProto:
		s.proto, s.hasProto = uint16(value), true
	case IPFrag:
		s.fragLater = value&FragLater != 0
	case ICMPv6Type:
		s.icmpType = uint16(value)
	case ICMPv6Code:
		s.icmpCodeZero = value == 0
	case CTState:
		s.ct = value&(CTNew|CTEst|CTRel|CTRpl|CTSNAT|CTDNAT) != 0 ||
			value&CTTrk != 0 && mask&CTInv != 0 && value&CTInv == 0
	case CTNwProto:
		s.ctProt = true
	}
}

func (s *facts) allow(p prereq) bool {
	ip := s.ethType == EthTypeIPv4 || s.ethType == EthTypeIPv6
	l4 := func(proto uint16) bool { return ip && s.hasProto && s.proto == proto && !s.fragLater }
	nd := func() bool {
		return s.ethType == EthTypeIPv6 && s.proto == ProtoICMPv6 && s.icmpCodeZero
	}
	switch p {
	case needVlan:
		return s.vlan
	case needIP:
		return ip
	case needIPv4:
		return s.ethType == EthTypeIPv4
	case needIPv6:
		return s.ethType == EthTypeIPv6
	case needARP:
		return s.ethType == EthTypeARP || s.ethType == EthTypeRARP
	case needTCP:
		return l4(ProtoTCP)
	case needUDP:
		return l4(ProtoUDP)
	case needSCTP:
		return l4(ProtoSCTP)
	case needICMP:
		return s.ethType == EthTypeIPv4 && s.proto == ProtoICMP
	case needICMPv6:
		return s.ethType == EthTypeIPv6 && s.proto == ProtoICMPv6
	case needND:
		return nd() && (s.icmpType == ICMPv6NeighborSolicit || s.icmpType == ICMPv6NeighborAdvert)
	case needNDSolicit:
		return nd() && s.icmpType == ICMPv6NeighborSolicit
	case needNDAdvert:
		return nd() && s.icmpType == ICMPv6NeighborAdvert
	case needMPLS:
		return s.ethType == EthTypeMPLS || s.ethType == ethTypeMPLSMulticast
	case needCT:
		return s.ct
	case needCTProto:
		return s.ct && s.ctProt
	default:
		return true
	}
}

func (s *facts) check(f Field) error {
	if p := f.spec().prereq; p != needNothing && !s.allow(p) {
		return fmt.Errorf("openflow: field %s requires %s", f, prereqNames[p])
	}
	return nil
}

// In reports whether a packet has the field at all, given the values of the
// fields that say what packet it is (ovs-fields(7), Prerequisites).
func (f Field) In(value func(Field) uint64) bool {
	need := f.spec().prereq
	if need == needNothing {
		return true
	}
	var known facts
	for _, g := range []Field{EthType, VlanVID, IPProto, IPFrag, ICMPv6Type, ICMPv6Code, CTState, CTNwProto} {
		known.learn(g, value(g), g.fullUint())
	}
	return known.allow(need)
}
