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
// direction and at both ends: one end's host must cut it too when the other end
// stops allowing it, because replies pass as established there.
func allowed(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) bool {
	if n.Enforcement == secgroup.EnforcementOff {
		return true
	}
	p := packetOf(conn)
	domain := s.Domain(n)
	sent, received := ends(s, n, conn)
	return sent && verdict.Egress(s, n, p).Allow && peersAllow(s, domain, p.Dst, n, func(o *secgroup.NIC) bool {
		return verdict.Ingress(s, o, p).Allow
	}) || received && verdict.Ingress(s, n, p).Allow && peersAllow(s, domain, p.Src, n, func(o *secgroup.NIC) bool {
		return verdict.Egress(s, o, p).Allow
	}) || sent && pickedUp(s, n, conn)
}

// allowedHere asks n's own end only.
func allowedHere(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) bool {
	p := packetOf(conn)
	sent, received := ends(s, n, conn)
	return sent && verdict.Egress(s, n, p).Allow || received && verdict.Ingress(s, n, p).Allow
}

// pickedUp tells whether a connection that n seems to have begun may be one that
// its peer began and that is allowed that way round: after conntrack was lost
// (ovs-vswitchd restarted), whoever sends first begins it anew. If it is not, the
// peer's host, which has it as received, cuts it.
func pickedUp(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) bool {
	if isICMP(conn) {
		return false
	}
	back := packetOf(connOf(conn.Zone, ofrules.Cut{Sends: tupleOf(conn)}))
	return verdict.Ingress(s, n, back).Allow && slices.ContainsFunc(s.NICsByAddress(s.Domain(n), conn.Orig.Dst), func(o *secgroup.NIC) bool {
		return o.ID != n.ID && o.Enforcement != secgroup.EnforcementOff && verdict.Egress(s, o, back).Allow
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
