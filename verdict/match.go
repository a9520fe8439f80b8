package verdict

import (
	"net/netip"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// matchesPeer reports whether a is in the rule's peer set, seen from n: the
// cidr, the members of the remote group in n's routing domain, both at once if
// both are given, everything if none is.
func matchesPeer(s Policy, n *secgroup.NIC, r *secgroup.Rule, a netip.Addr) bool {
	if r.RemoteCIDR.IsValid() && !r.RemoteCIDR.Contains(a) {
		return false
	}
	if r.RemoteGroup != (secgroup.GroupRef{}) && !s.IsMember(r.RemoteGroup, s.Domain(n), a) {
		return false
	}
	return true
}

// matchesService reports whether p is of the rule's family, protocol and ports
// or ICMP messages.
func matchesService(r *secgroup.Rule, p *packet.Tuple) bool {
	if r.Family != secgroup.FamilyAny && r.Family != family(p) {
		return false
	}
	switch r.Protocol {
	case secgroup.ProtocolAll:
		return true
	case secgroup.ProtocolTCP:
		return p.Proto == packet.ProtoTCP && matchesPort(r, p.DstPort)
	case secgroup.ProtocolUDP:
		return p.Proto == packet.ProtoUDP && matchesPort(r, p.DstPort)
	case secgroup.ProtocolICMP:
		return p.ICMP() &&
			(!r.ICMPType.Set || r.ICMPType.Value == p.ICMPType) &&
			(!r.ICMPCode.Set || r.ICMPCode.Value == p.ICMPCode)
	}
	number, ok := r.Protocol.Number()
	return ok && number == p.Proto
}

// matchesPort: both absent is all, also port 0; port_min alone is that port.
func matchesPort(r *secgroup.Rule, port uint16) bool {
	switch {
	case r.PortMin == 0 && r.PortMax == 0:
		return true
	case r.PortMax == 0:
		return port == r.PortMin
	}
	return r.PortMin <= port && port <= r.PortMax
}
