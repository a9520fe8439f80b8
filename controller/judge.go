package controller

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
	"github.com/ringfence/ringfence/verdict"
)

// allowed judges an open connection in the zone of NIC n again, in its original
// direction and at n's end: each end cuts for itself, both directions. Who began
// what was picked up in mid-stream is not known for sure.
func allowed(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) bool {
	switch {
	case n.Enforcement == secgroup.EnforcementOff:
		return true
	case ofrules.IsPickedUp(conn.Labels):
		return allowedEitherWay(s, n, conn)
	}
	p := packetOf(conn)
	sent, received := ends(s, n, conn)
	return sent && verdict.Egress(s, n, p).Allow || received && verdict.Ingress(s, n, p).Allow
}

// allowedEitherWay judges both ends: the one that began must be allowed to, and
// the other must take it.
func allowedEitherWay(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) bool {
	p := packetOf(conn)
	domain := s.Domain(n)
	sent, received := ends(s, n, conn)
	return sent && verdict.Egress(s, n, p).Allow && peersAllow(s, domain, p.Dst, n, func(o *secgroup.NIC) bool {
		return verdict.Ingress(s, o, p).Allow
	}) || received && verdict.Ingress(s, n, p).Allow && peersAllow(s, domain, p.Src, n, func(o *secgroup.NIC) bool {
		return verdict.Egress(s, o, p).Allow
	}) || sent && answered(s, n, conn)
}

// rightWayRound turns a connection that is to be cut, and that n seems to have
// begun in mid-stream: had n begun it, n's own rules could bring it back.
func rightWayRound(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) unixctl.Conn {
	if n == nil || !ofrules.IsPickedUp(conn.Labels) {
		return conn
	}
	if sent, _ := ends(s, n, conn); sent {
		conn.Orig, conn.Reply = conn.Reply, conn.Orig
	}
	return conn
}

// answered tells whether a connection that n seems to have begun may be one that
// its peer began, whoever that is, and that is allowed that way round.
func answered(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) bool {
	conn.Orig = reversed(conn.Orig)
	p := packetOf(conn)
	return verdict.Ingress(s, n, p).Allow && peersAllow(s, s.Domain(n), p.Src, n, func(o *secgroup.NIC) bool {
		return o.Enforcement == secgroup.EnforcementOff || verdict.Egress(s, o, p).Allow
	})
}

// ends tells whether n may have sent a connection's first packet, or received
// it. Neither: its addresses are n's no more. Both, if that cannot be told apart,
// which takes an allowed_addresses prefix that holds both ends.
func ends(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) (sent, received bool) {
	src, dst := conn.Orig.Src, conn.Orig.Dst
	sent = !verdict.Spoofed(n, src)
	received = !verdict.Spoofed(n, dst) || manyReceivers(s, n, dst)
	if !sent || !received {
		return sent, received
	}
	own := secgroup.MemberAddresses(n)
	switch from, to := slices.Contains(own, src), slices.Contains(own, dst); {
	case from != to:
		return from, to
	case conn.Mark == ofrules.MarkUnrestricted || conn.Mark == ofrules.MarkBaseline:
		return true, false // only egress has these marks
	case len(verdict.Restricting(s, n)) == 0:
		return false, true // a rule's mark, and n needs no egress rule
	}
	return true, true
}

// peersAllow asks the other end, if it is a NIC of ours. Where several share an
// address, one that allows is enough: it may be the one.
func peersAllow(s *secgroup.Snapshot, domain string, addr netip.Addr, self *secgroup.NIC, allow func(*secgroup.NIC) bool) bool {
	others := false
	for _, n := range s.NICsByAddress(domain, addr) {
		if n.ID == self.ID {
			continue
		}
		if allow(n) {
			return true
		}
		others = true
	}
	return !others
}

// manyReceivers tells whether a destination is nobody's own address: multicast,
// or a broadcast to all or to n's network.
func manyReceivers(s *secgroup.Snapshot, n *secgroup.NIC, a netip.Addr) bool {
	if a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	network := s.Network(n.Network)
	return network != nil && a.Is4() && slices.ContainsFunc(network.Prefixes, func(p netip.Prefix) bool {
		// The last address of a prefix: the one after it is outside.
		return p.Contains(a) && !p.Contains(a.Next())
	})
}

// packetOf returns the first packet of a connection.
func packetOf(c unixctl.Conn) verdict.Packet {
	return verdict.Packet{
		Family: secgroup.FamilyOf(c.Orig.Src), Src: c.Orig.Src, Dst: c.Orig.Dst, Proto: c.Proto,
		SrcPort: c.Orig.SPort, DstPort: c.Orig.DPort, ICMPType: c.Orig.ICMPType, ICMPCode: c.Orig.ICMPCode,
	}
}
