package verdict

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/packet"
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
func guardEgress(n *secgroup.NIC, p *packet.Tuple) (pass, drop bool) {
	own := !withoutAddresses(n) && !Spoofed(n, p.Src)
	switch {
	case redirect(p), routerAdvert(p): // never from a VM
		return false, true
	case dhcpToClient(p):
		return own && n.DHCPServer && fromDHCPServer(p), !n.DHCPServer
	case dhcpToServer(p):
		return own || dhcpDiscovery(p, n), false
	case nd(p, ndNeighbourAdvert):
		return own && p.ICMPCode == 0, p.ICMPCode != 0
	case nd(p, ndNeighbourSolicit), nd(p, ndRouterSolicit):
		// During duplicate address detection a host asks from ::.
		own = own || !withoutAddresses(n) && p.Src == netip.IPv6Unspecified()
		return own && p.ICMPCode == 0, p.ICMPCode != 0
	}
	return false, false
}

// guardIngress says what passes or drops whatever the rules say when n receives it.
func guardIngress(s Policy, n *secgroup.NIC, p *packet.Tuple) (pass, drop bool) {
	switch {
	case routerAdvert(p): // IPv6 needs it; that of ICMP is left to the rules
		net := s.Network(n.Network)
		fromGateway := net != nil && slices.Contains(net.Gateways, p.Src)
		pass = fromGateway && nd(p, ndRouterAdvert) && p.ICMPCode == 0
		return pass, !pass && !(fromGateway && !p.Is6())
	case nd(p, ndRouterSolicit): // for routers, which no VM is
		return false, true
	case nd(p, ndNeighbourSolicit), nd(p, ndNeighbourAdvert): // RFC 4861: other codes are to be ignored
		return p.ICMPCode == 0, p.ICMPCode != 0
	case dhcpToClient(p):
		return fromDHCPServer(p), false
	case dhcpToServer(p):
		return n.DHCPServer, false
	}
	return false, false
}

// baseline reports whether p goes to a service that the operator opened.
func baseline(s Policy, p *packet.Tuple) bool {
	return slices.ContainsFunc(s.Baseline().Addresses, func(b secgroup.BaselineAddress) bool {
		return b.Address == p.Dst && b.Port == p.DstPort &&
			(b.Protocol == secgroup.ProtocolTCP && p.Proto == packet.ProtoTCP ||
				b.Protocol == secgroup.ProtocolUDP && p.Proto == packet.ProtoUDP)
	})
}

func nd(p *packet.Tuple, message uint8) bool {
	return p.Is6() && p.ICMP() && p.ICMPType == message
}

func redirect(p *packet.Tuple) bool {
	return p.ICMP() && p.ICMPType == icmpRedirect && !p.Is6() || nd(p, icmpv6Redirect)
}

func routerAdvert(p *packet.Tuple) bool {
	return p.ICMP() && p.ICMPType == icmpRouterAdvert && !p.Is6() || nd(p, ndRouterAdvert)
}

// dhcpToClient: clients listen on their port whatever port the server sends from.
func dhcpToClient(p *packet.Tuple) bool {
	return p.Proto == packet.ProtoUDP && p.DstPort == either(p, dhcpClient, dhcpv6Client)
}

func fromDHCPServer(p *packet.Tuple) bool {
	return p.SrcPort == either(p, dhcpServer, dhcpv6Server)
}

func dhcpToServer(p *packet.Tuple) bool {
	return p.Proto == packet.ProtoUDP && p.DstPort == either(p, dhcpServer, dhcpv6Server) &&
		p.SrcPort == either(p, dhcpClient, dhcpv6Client)
}

// dhcpDiscovery: a client that has no address yet asks all servers, from
// 0.0.0.0 or, for DHCPv6, from its link-local address.
func dhcpDiscovery(p *packet.Tuple, n *secgroup.NIC) bool {
	return p.Src == netip.IPv4Unspecified() && p.Dst == broadcast ||
		p.Src == n.MAC.LinkLocal() && p.Dst == allDHCPServers
}

func either(p *packet.Tuple, v4, v6 uint16) uint16 {
	if p.Is6() {
		return v6
	}
	return v4
}
