package impact

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Conn is an open connection as the zone of one NIC has it.
type Conn struct {
	Packet packet.Tuple // its first one
	// Both is whether that NIC answers for the other end, too. Else each end judges
	// for itself.
	Both bool
	// EitherWay is whether it was picked up in mid-stream, so that who began it is
	// not known for sure.
	EitherWay bool
	// Sent is whether its mark is one that only egress has.
	Sent bool
}

// Judge is what a connection is judged by.
type Judge interface {
	verdict.Policy
	NICsByAddress(domain string, a netip.Addr) []*secgroup.NIC
}

// Host is what a host reads of the policy to find out which of its connections a
// change is about.
type Host interface {
	Judge
	NIC(id string) *secgroup.NIC
}

// Open is an open connection, and the NIC in whose zone it is.
type Open struct {
	NIC  string
	Conn Conn
}

// AllowedAll reports of each of some connections whether it is still allowed, see
// Allowed. What a NIC has that is not there is not.
func AllowedAll(s Host, conns []Open) []bool {
	out := make([]bool, len(conns))
	for i, c := range conns {
		n := s.NIC(c.NIC)
		out[i] = n != nil && Allowed(s, n, c.Conn)
	}
	return out
}

// Allowed reports whether an open connection in the zone of NIC n is still
// allowed, in its original direction.
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

// sends reports whether n may send p, and whoever has its destination takes it.
func sends(s Judge, n *secgroup.NIC, p packet.Tuple) bool {
	return verdict.Egress(s, n, p).Allow && peersAllow(s, n, p.Dst, func(o *secgroup.NIC) bool { return verdict.Ingress(s, o, p).Allow })
}

// receives reports whether n takes p, and whoever has its source may send it.
func receives(s Judge, n *secgroup.NIC, p packet.Tuple) bool {
	return verdict.Ingress(s, n, p).Allow && peersAllow(s, n, p.Src, func(o *secgroup.NIC) bool { return verdict.Egress(s, o, p).Allow })
}

// passes reports whether the ends of p that are not n let it through.
func passes(s Judge, n *secgroup.NIC, p packet.Tuple) bool {
	return peersAllow(s, n, p.Src, func(o *secgroup.NIC) bool { return verdict.Egress(s, o, p).Allow }) &&
		peersAllow(s, n, p.Dst, func(o *secgroup.NIC) bool { return verdict.Ingress(s, o, p).Allow })
}

// peersAllow asks the other end, if it is a NIC of ours. Where several share an
// address, one that allows is enough: it may be the one.
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

// Ends reports whether n may have sent a connection's first packet, or received
// it. Neither: its addresses are n's no more. Both, if that cannot be told apart,
// which takes an allowed_addresses prefix that holds both ends.
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
		return false, true // a rule's mark, and n needs no egress rule
	}
	return true, true
}

// manyReceivers reports whether a destination is nobody's own address: multicast,
// or a broadcast to all or to n's network.
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
