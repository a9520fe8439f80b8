package policytest

import (
	"net/netip"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// packetProtocols are the numbers, besides those with ports or messages, that a
// packet may have. IPv6 extension headers are no protocols: none of them.
var packetProtocols = []uint8{2, 47, 50, 132, 255}

// fill draws protocol, ports and messages: mostly those of a rule of either
// end, or just beside it.
func (g *Gen) fill(s *secgroup.Snapshot, c *Case) {
	p := &c.Packet
	n := c.Src
	if n == nil || c.Dst != nil && g.chance(50) {
		n = c.Dst
	}
	if b, ok := pickOr(g, s.Baseline().Addresses); ok && b.Address == p.Dst && g.chance(80) {
		proto := uint8(packet.ProtoTCP)
		if b.Protocol == secgroup.ProtocolUDP {
			proto = packet.ProtoUDP
		}
		g.ports(p, proto, b.Port)
		return
	}
	if g.Guard && g.chance(10) {
		g.guardPayload(s, c)
		return
	}
	if r := g.ruleOf(s, n); r != nil && g.chance(75) {
		g.near(r, p)
		return
	}
	switch g.weighted(40, 25, 25, 10) {
	case 0:
		g.ports(p, packet.ProtoTCP, pick(g, ports))
	case 1:
		g.ports(p, packet.ProtoUDP, pick(g, ports))
	case 2:
		g.icmp(p, pick(g, icmpTypes), pick(g, icmpCodes))
	case 3:
		p.Proto = pick(g, packetProtocols)
	}
}

// ruleOf draws an enabled rule of one of the groups that judge n, or nil.
func (g *Gen) ruleOf(s *secgroup.Snapshot, n *secgroup.NIC) *secgroup.Rule {
	e, ok := pickOr(g, s.EffectiveGroups(n))
	if !ok {
		return nil
	}
	rules := s.Group(e.Group).Rules
	for range 4 {
		if r, ok := pickOr(g, rules); ok && r.Enabled {
			return &r
		}
	}
	return nil
}

// near gives p the service of a rule, or the one beside it.
func (g *Gen) near(r *secgroup.Rule, p *packet.Tuple) {
	switch r.Protocol {
	case secgroup.ProtocolTCP:
		g.ports(p, packet.ProtoTCP, g.nearPort(r))
	case secgroup.ProtocolUDP:
		g.ports(p, packet.ProtoUDP, g.nearPort(r))
	case secgroup.ProtocolICMP:
		message, code := pick(g, icmpTypes), pick(g, icmpCodes)
		if r.ICMPType.Set && g.chance(80) {
			message = r.ICMPType.Value
		}
		if r.ICMPCode.Set && g.chance(60) {
			code = r.ICMPCode.Value
		}
		g.icmp(p, message, code)
	case secgroup.ProtocolAll:
		g.ports(p, packet.ProtoTCP, pick(g, ports))
	default:
		g.number(r.Protocol, p)
	}
}

// number gives p an IP protocol by number: with ports or messages where that
// protocol has them, and another number for what cannot be a packet's.
func (g *Gen) number(protocol secgroup.Protocol, p *packet.Tuple) {
	n, _ := protocol.Number()
	v6 := p.Is6()
	switch {
	case n == packet.ProtoTCP || n == packet.ProtoUDP:
		g.ports(p, n, pick(g, ports))
	case n == packet.ProtoICMP && !v6, n == packet.ProtoICMPv6 && v6:
		g.icmp(p, pick(g, icmpTypes), pick(g, icmpCodes))
	case n == 0: // on IPv6 the hop-by-hop header, so not a protocol
		p.Proto = pick(g, packetProtocols)
	default:
		p.Proto = n
	}
}

// nearPort draws an end of the rule's port range or the port beside it.
func (g *Gen) nearPort(r *secgroup.Rule) uint16 {
	if r.PortMin == 0 {
		return pick(g, ports)
	}
	port := int(pick(g, []uint16{r.PortMin, r.PortMax})) + g.IntN(3) - 1
	return uint16(min(max(port, 1), 65535))
}

func (g *Gen) ports(p *packet.Tuple, proto uint8, dst uint16) {
	p.Proto, p.DstPort, p.SrcPort = proto, dst, pick(g, []uint16{1024, 40000, 65535, dst})
}

func (g *Gen) icmp(p *packet.Tuple, message, code uint8) {
	p.Proto, p.ICMPType, p.ICMPCode = packet.ProtoICMP, message, code
	if p.Is6() {
		p.Proto = packet.ProtoICMPv6
	}
}

// guardPayload gives a packet a message that the guard has its say on, and now
// and then the addresses that belong to it.
func (g *Gen) guardPayload(s *secgroup.Snapshot, c *Case) {
	p := &c.Packet
	v6 := p.Is6()
	switch {
	case c.Src != nil && g.chance(10): // a client that has no address yet
		g.ports(p, packet.ProtoUDP, 67)
		p.SrcPort, p.Src, p.Dst = 68, netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{255, 255, 255, 255})
		if v6 {
			p.SrcPort, p.DstPort, p.Src, p.Dst = 546, 547, c.Src.MAC.LinkLocal(), netip.MustParseAddr("ff02::1:2")
		}
	case g.chance(40):
		pair := pick(g, [][2]uint16{{68, 67}, {67, 68}, {67, 67}, {40000, 68}})
		if v6 {
			pair = pick(g, [][2]uint16{{546, 547}, {547, 546}, {40000, 546}})
		}
		p.Proto, p.SrcPort, p.DstPort = packet.ProtoUDP, pair[0], pair[1]
	case v6:
		g.icmp(p, pick(g, []uint8{133, 134, 135, 136, 137}), pick(g, []uint8{0, 0, 0, 1}))
		if gateway, ok := g.gateway(s, c); ok && p.ICMPType == 134 {
			p.Src = gateway
		}
	default:
		g.icmp(p, 5, pick(g, []uint8{0, 1}))
	}
}

// gateway draws an IPv6 gateway of the network where a packet arrives from
// outside.
func (g *Gen) gateway(s *secgroup.Snapshot, c *Case) (netip.Addr, bool) {
	if c.Src != nil {
		return netip.Addr{}, false
	}
	var of6 []netip.Addr
	for _, a := range s.Network(c.Dst.Network).Gateways {
		if a.Is6() {
			of6 = append(of6, a)
		}
	}
	a, ok := pickOr(g, of6)
	return a, ok && a != c.Packet.Dst && g.chance(70)
}

// guarded reports whether the guard decides on p whatever its source.
func guarded(p *packet.Tuple) bool {
	switch {
	case p.Is6() && p.Proto == packet.ProtoICMPv6:
		return 133 <= p.ICMPType && p.ICMPType <= 137
	case p.Proto == packet.ProtoICMP:
		return !p.Is6() && p.ICMPType == 5
	case p.Proto == packet.ProtoUDP:
		return p.DstPort == 67 || p.DstPort == 68 || p.DstPort == 546 || p.DstPort == 547
	}
	return false
}
