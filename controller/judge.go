package controller

import (
	"net/netip"
	"slices"

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
	switch {
	case !verdict.Spoofed(n, p.Src): // n sent the first packet
		return verdict.Egress(s, n, p).Allow && peersAllow(s, domain, p.Dst, n, func(o *secgroup.NIC) bool {
			return verdict.Ingress(s, o, p).Allow
		})
	case !verdict.Spoofed(n, p.Dst), manyReceivers(p.Dst):
		return verdict.Ingress(s, n, p).Allow && peersAllow(s, domain, p.Src, n, func(o *secgroup.NIC) bool {
			return verdict.Egress(s, o, p).Allow
		})
	default: // neither end is n's any more
		return false
	}
}

// peersAllow asks the other end, if it is a NIC of ours. Where several share an
// address, one that allows is enough: it may be the one.
func peersAllow(s *secgroup.Snapshot, domain string, addr netip.Addr, self *secgroup.NIC, allow func(*secgroup.NIC) bool) bool {
	nics := s.NICsByAddress(domain, addr)
	nics = slices.DeleteFunc(slices.Clone(nics), func(n *secgroup.NIC) bool { return n.ID == self.ID })
	return len(nics) == 0 || slices.ContainsFunc(nics, allow)
}

// manyReceivers tells whether a destination is nobody's own address.
func manyReceivers(a netip.Addr) bool {
	return a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// packetOf returns the first packet of a connection.
func packetOf(c unixctl.Conn) verdict.Packet {
	p := verdict.Packet{
		Family: secgroup.FamilyIPv4, Src: c.Orig.Src, Dst: c.Orig.Dst, Proto: c.Proto,
		SrcPort: c.Orig.SPort, DstPort: c.Orig.DPort, ICMPType: c.Orig.ICMPType, ICMPCode: c.Orig.ICMPCode,
	}
	if p.Src.Is6() {
		p.Family = secgroup.FamilyIPv6
	}
	return p
}
