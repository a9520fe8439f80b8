package ofrules

import (
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// service is one term set that matches (part of) a rule's protocol and ports.
type service []of.Term

// services returns the term sets that together match a rule's family, protocol,
// port range and ICMP type: disjoint, one flow each.
func services(r secgroup.Rule) []service {
	var out []service
	add := func(all ...service) {
		for _, s := range all {
			out = append(out, forFragments(s)...)
		}
	}
	for _, v6 := range families(r) {
		eth := of.EthType.Is(of.EthTypeIPv4)
		if v6 {
			eth = of.EthType.Is(of.EthTypeIPv6)
		}
		switch r.Protocol {
		case secgroup.ProtocolAll:
			add(service{eth})
		case secgroup.ProtocolTCP:
			add(portServices(r, eth, of.IPProto.Is(of.ProtoTCP), of.TCPDst)...)
		case secgroup.ProtocolUDP:
			add(portServices(r, eth, of.IPProto.Is(of.ProtoUDP), of.UDPDst)...)
		case secgroup.ProtocolICMP:
			add(icmpService(r, eth, v6))
		default:
			if n, ok := r.Protocol.Number(); ok {
				add(service{eth, of.IPProto.Is(uint64(n))})
			}
		}
	}
	return out
}

func portServices(r secgroup.Rule, eth, proto of.Term, dst of.Field) []service {
	lo, hi := r.PortMin, r.PortMax
	if lo == 0 {
		return []service{{eth, proto}}
	}
	if hi == 0 {
		hi = lo
	}
	var out []service
	for _, m := range portMasks(lo, hi) {
		out = append(out, service{eth, proto, dst.IsMasked(uint64(m.value), uint64(m.mask))})
	}
	return out
}

func icmpService(r secgroup.Rule, eth of.Term, v6 bool) service {
	typ, code, proto := of.ICMPType, of.ICMPCode, of.IPProto.Is(of.ProtoICMP)
	if v6 {
		typ, code, proto = of.ICMPv6Type, of.ICMPv6Code, of.IPProto.Is(of.ProtoICMPv6)
	}
	s := service{eth, proto}
	if r.ICMPType.Set {
		s = append(s, typ.Is(uint64(r.ICMPType.Value)))
	}
	if r.ICMPCode.Set {
		s = append(s, code.Is(uint64(r.ICMPCode.Value)))
	}
	return s
}

// families returns the families a rule acts on: false for IPv4, true for IPv6.
// A prefix leaves its own.
func families(r secgroup.Rule) []bool {
	var out []bool
	for _, v6 := range []bool{false, true} {
		family := secgroup.FamilyIPv4
		if v6 {
			family = secgroup.FamilyIPv6
		}
		if (r.Family == secgroup.FamilyAny || r.Family == family) && (!r.RemoteCIDR.IsValid() || r.RemoteCIDR.Addr().Is6() == v6) {
			out = append(out, v6)
		}
	}
	return out
}
