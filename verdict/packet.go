package verdict

import (
	"net/netip"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// begins reports whether connection tracking lets p begin a connection, or has
// no part in it.
func begins(p *packet.Tuple) bool {
	return !p.ICMP() || secgroup.ICMPBegins(family(p), p.ICMPType, p.ICMPCode)
}

// Stateless reports whether p is judged for itself, whatever came before it.
func Stateless(p packet.Tuple) bool {
	return p.ICMP() && secgroup.ICMPClassOf(family(&p), p.ICMPType) == secgroup.ICMPStateless
}

// Tracked reports whether p may begin a connection, with answers that pass
// without a rule of their own.
func Tracked(p packet.Tuple) bool { return begins(&p) && !Stateless(p) }

// peer is the other end as the NIC sees it whose traffic of direction d p is.
func peer(p *packet.Tuple, d secgroup.Direction) netip.Addr {
	if d == secgroup.Egress {
		return p.Dst
	}
	return p.Src
}

// family is the packet's own: one from an IPv4-mapped address is of IPv6, to the
// switch and so here.
func family(p *packet.Tuple) secgroup.Family {
	if p.Is6() {
		return secgroup.FamilyIPv6
	}
	return secgroup.FamilyIPv4
}
