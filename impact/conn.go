package impact

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Conn is an open connection as conntrack has it in the zone of one NIC.
type Conn struct {
	Packet packet.Tuple // the one that began it
	// Both says that the connection is judged at this NIC for its other end, too: with
	// the rules of both. Else each end judges by its own rules alone.
	Both bool
	// EitherWay says that TCP was picked up in mid-stream, so that it is not known for
	// sure which end began the connection.
	EitherWay bool
	// Sent says that the connection has a ct_mark which only the egress tables set, so
	// that the NIC of the zone sent its first packet.
	Sent bool
}

// Judge is what Allowed reads of the policy.
type Judge interface {
	verdict.Policy
	NICsByAddress(domain string, a netip.Addr) []*secgroup.NIC
}

// Host is what a host reads of the policy to find the connections that a change
// concerns, and to judge them.
type Host interface {
	Judge
	NIC(id string) *secgroup.NIC
}

// Open is an open connection and the id of the NIC in whose zone it is.
type Open struct {
	NIC  string
	Conn Conn
}

// AllowedAll reports for each connection whether it is still allowed, as Allowed does.
// Connections of a NIC that the policy does not have are not.
func AllowedAll(s Host, conns []Open) []bool {
	out := make([]bool, len(conns))
	for i, c := range conns {
		n := s.NIC(c.NIC)
		out[i] = n != nil && Allowed(s, n, c.Conn)
	}
	return out
}

// Allowed reports whether the policy still allows an open connection in the zone of
// NIC n to begin as it did. If it is not known for sure which end began it, one of both
// directions is enough.
func Allowed(s Judge, n *secgroup.NIC, c Conn) bool {
	if n.Enforcement == secgroup.EnforcementOff { // whatever its addresses: it may be a router
		return !c.Both || c.EitherWay || passes(s, n, c.Packet)
	}
	sent, received := Ends(s, n, c)
	if !c.Both {
		return sent && verdict.Egress(s, n, c.Packet).Allow || received && verdict.Ingress(s, n, c.Packet).Allow
	}
	return sent && sends(s, n, c.Packet) || received && receives(s, n, c.Packet) ||
		sent && c.EitherWay && receives(s, n, c.Packet.Reversed())
}

// sends reports whether n may send p, and the NIC at its destination accepts it.
func sends(s Judge, n *secgroup.NIC, p packet.Tuple) bool {
	return verdict.Egress(s, n, p).Allow && peersAllow(s, n, p.Dst, func(o *secgroup.NIC) bool { return verdict.Ingress(s, o, p).Allow })
}

// receives reports whether n accepts p, and the NIC at its source may send it.
func receives(s Judge, n *secgroup.NIC, p packet.Tuple) bool {
	return verdict.Ingress(s, n, p).Allow && peersAllow(s, n, p.Src, func(o *secgroup.NIC) bool { return verdict.Egress(s, o, p).Allow })
}

// passes reports whether the NICs at the ends of p, apart from n, let it pass.
func passes(s Judge, n *secgroup.NIC, p packet.Tuple) bool {
	return peersAllow(s, n, p.Src, func(o *secgroup.NIC) bool { return verdict.Egress(s, o, p).Allow }) &&
		peersAllow(s, n, p.Dst, func(o *secgroup.NIC) bool { return verdict.Ingress(s, o, p).Allow })
}

// peersAllow reports whether the NIC at the other end, which has address a, allows the
// packet. If no NIC has the address nobody refuses. If several NICs share it, it is not
// known which one is the end, and one that allows is enough.
func peersAllow(s Judge, n *secgroup.NIC, a netip.Addr, allow func(*secgroup.NIC) bool) bool {
	others := false
	for _, o := range s.NICsByAddress(s.Domain(n), a) {
		if o.ID == n.ID {
			continue
		}
		if allow(o) {
			return true
		}
		others = true
	}
	return !others
}

// Ends reports whether n may have sent a connection's first packet, and whether it may
// have received it. Neither is so if the connection's addresses are not n's any more. Both
// are if an allowed_addresses prefix of n holds both ends, and nothing else tells them apart.
func Ends(s verdict.Policy, n *secgroup.NIC, c Conn) (sent, received bool) {
	src, dst := c.Packet.Src, c.Packet.Dst
	sent = !verdict.Spoofed(n, src)
	received = !verdict.Spoofed(n, dst) || manyReceivers(s, n, dst)
	if !sent || !received {
		return sent, received
	}
	own := secgroup.MemberAddresses(n)
	switch from, to := slices.Contains(own, src), slices.Contains(own, dst); {
	case from != to:
		return from, to
	case c.Sent:
		return true, false
	case len(verdict.Restricting(s, n)) == 0:
		return false, true // a rule admitted it, and n's egress needs none: that was a rule of ingress
	}
	return true, true
}

// manyReceivers reports whether a destination address is for more than one receiver: a
// multicast group, or a broadcast to all or to n's network.
func manyReceivers(s verdict.Policy, n *secgroup.NIC, a netip.Addr) bool {
	if a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	network := s.Network(n.Network)
	return network != nil && a.Is4() && slices.ContainsFunc(network.Prefixes, func(p netip.Prefix) bool {
		// The last address of a prefix: the one after it is outside.
		return p.Contains(a) && !p.Contains(a.Next())
	})
}
