package verdict

import (
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// IP protocol numbers (IANA).
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// Packet is the first packet of a connection, or an ICMP message that is judged
// for itself. A fragment is judged as the
// datagram it belongs to, so it has its ports. Addresses are of Family, never
// IPv4-mapped. Fields that the protocol does not have are zero.
type Packet struct {
	Family             secgroup.Family // FamilyIPv4 or FamilyIPv6
	Src, Dst           netip.Addr
	Proto              uint8
	SrcPort, DstPort   uint16 // TCP, UDP
	ICMPType, ICMPCode uint8  // ICMP on IPv4, ICMPv6 on IPv6
}

// icmp reports whether p is an ICMP message of its family.
func (p *Packet) icmp() bool {
	if p.Family == secgroup.FamilyIPv6 {
		return p.Proto == ProtoICMPv6
	}
	return p.Proto == ProtoICMP
}

// begins reports whether connection tracking lets p begin a connection, or has
// no part in it.
func (p *Packet) begins() bool {
	return !p.icmp() || secgroup.ICMPBegins(p.Family, p.ICMPType, p.ICMPCode)
}

// Stateless reports whether p is judged for itself, whatever came before it.
func (p *Packet) Stateless() bool {
	return p.icmp() && secgroup.ICMPClassOf(p.Family, p.ICMPType) == secgroup.ICMPStateless
}

// Tracked reports whether p may begin a connection, with answers that pass
// without a rule of their own.
func (p *Packet) Tracked() bool { return p.begins() && !p.Stateless() }

// peer is the other end as the NIC sees it whose traffic of direction d p is.
func (p *Packet) peer(d secgroup.Direction) netip.Addr {
	if d == secgroup.Egress {
		return p.Dst
	}
	return p.Src
}
