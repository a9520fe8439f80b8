package verdict

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// The guard of docs/semantics.md §4, as far as it shows in an IP packet: MACs, ARP,
// VLANs and what stands inside a neighbour discovery message do not.

// UDP ports of DHCP (RFC 2131) and DHCPv6 (RFC 8415).
const (
	dhcpServer, dhcpClient     = 67, 68
	dhcpv6Server, dhcpv6Client = 547, 546
)

var (
	broadcast      = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	allDHCPServers = netip.MustParseAddr("ff02::1:2") // RFC 8415, section 7.1
)

// ICMP and ICMPv6 message types.
const (
	icmpRedirect       = 5   // RFC 792
	icmpRouterAdvert   = 9   // RFC 1256
	ndRouterSolicit    = 133 // RFC 4861, as those below
	ndRouterAdvert     = 134
	ndNeighbourSolicit = 135
	ndNeighbourAdvert  = 136
	icmpv6Redirect     = 137
)

// Spoofed reports whether n may not send from src: it is none of its addresses,
// not in its allowed_addresses and not the link-local address of its MAC.
func Spoofed(n *secgroup.NIC, src netip.Addr) bool {
	return !slices.Contains(n.Addresses, src) &&
		!slices.ContainsFunc(n.AllowedAddresses, func(p netip.Prefix) bool { return p.Contains(src) }) &&
		src != n.MAC.LinkLocal()
}

// withoutAddresses: such a NIC may only do DHCP.
func withoutAddresses(n *secgroup.NIC) bool {
	return len(n.Addresses) == 0 && len(n.AllowedAddresses) == 0
}

// guardEgress says what passes or drops whatever the rules say when n sends it.
func guardEgress(n *secgroup.NIC, p *Packet) (pass, drop bool) {
	own := !withoutAddresses(n) && !Spoofed(n, p.Src)
	switch {
	case p.redirect(), p.routerAdvert(): // never from a VM
		return false, true
	case p.dhcpToClient():
		return own && n.DHCPServer && p.fromDHCPServer(), !n.DHCPServer
	case p.dhcpToServer():
		return own || p.dhcpDiscovery(n), false
	case p.nd(ndNeighbourAdvert):
		return own && p.ICMPCode == 0, p.ICMPCode != 0
	case p.nd(ndNeighbourSolicit), p.nd(ndRouterSolicit):
		// During duplicate address detection a host asks from ::.
		own = own || !withoutAddresses(n) && p.Src == netip.IPv6Unspecified()
		return own && p.ICMPCode == 0, p.ICMPCode != 0
	}
	return false, false
}

// guardIngress says what passes or drops whatever the rules say when n receives it.
func guardIngress(s Policy, n *secgroup.NIC, p *Packet) (pass, drop bool) {
	switch {
	case p.routerAdvert(): // IPv6 needs it; that of ICMP is left to the rules
		net := s.Network(n.Network)
		fromGateway := net != nil && slices.Contains(net.Gateways, p.Src)
		pass = fromGateway && p.nd(ndRouterAdvert) && p.ICMPCode == 0
		return pass, !pass && !(fromGateway && p.Family == secgroup.FamilyIPv4)
	case p.nd(ndRouterSolicit): // for routers, which no VM is
		return false, true
	case p.nd(ndNeighbourSolicit), p.nd(ndNeighbourAdvert): // RFC 4861: other codes are to be ignored
		return p.ICMPCode == 0, p.ICMPCode != 0
	case p.dhcpToClient():
		return p.fromDHCPServer(), false
	case p.dhcpToServer():
		return n.DHCPServer, false
	}
	return false, false
}

// baseline reports whether p goes to a service that the operator opened.
func baseline(s Policy, p *Packet) bool {
	return slices.ContainsFunc(s.Baseline().Addresses, func(b secgroup.BaselineAddress) bool {
		return b.Address == p.Dst && b.Port == p.DstPort &&
			(b.Protocol == secgroup.ProtocolTCP && p.Proto == ProtoTCP ||
				b.Protocol == secgroup.ProtocolUDP && p.Proto == ProtoUDP)
	})
}

func (p *Packet) nd(message uint8) bool {
	return p.Family == secgroup.FamilyIPv6 && p.icmp() && p.ICMPType == message
}

func (p *Packet) redirect() bool {
	return p.icmp() && p.ICMPType == icmpRedirect && p.Family == secgroup.FamilyIPv4 || p.nd(icmpv6Redirect)
}

func (p *Packet) routerAdvert() bool {
	return p.icmp() && p.ICMPType == icmpRouterAdvert && p.Family == secgroup.FamilyIPv4 || p.nd(ndRouterAdvert)
}

// dhcpToClient: clients listen on their port whatever port the server sends from.
func (p *Packet) dhcpToClient() bool {
	return p.Proto == ProtoUDP && p.DstPort == p.either(dhcpClient, dhcpv6Client)
}

func (p *Packet) fromDHCPServer() bool {
	return p.SrcPort == p.either(dhcpServer, dhcpv6Server)
}

func (p *Packet) dhcpToServer() bool {
	return p.Proto == ProtoUDP && p.DstPort == p.either(dhcpServer, dhcpv6Server) &&
		p.SrcPort == p.either(dhcpClient, dhcpv6Client)
}

// dhcpDiscovery: a client that has no address yet asks all servers, from
// 0.0.0.0 or, for DHCPv6, from its link-local address.
func (p *Packet) dhcpDiscovery(n *secgroup.NIC) bool {
	return p.Src == netip.IPv4Unspecified() && p.Dst == broadcast ||
		p.Src == n.MAC.LinkLocal() && p.Dst == allDHCPServers
}

func (p *Packet) either(v4, v6 uint16) uint16 {
	if p.Family == secgroup.FamilyIPv6 {
		return v6
	}
	return v4
}
