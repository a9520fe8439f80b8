// Package packet says what packets are told apart by: addresses, protocol, ports, and
// the type and code of ICMP. It is what the judge of connections, the compiler, hosts
// and the API speak of to each other; each has its own way to read and to write one,
// and none has another idea of it.
package packet

import "net/netip"

// IP protocol numbers (IANA).
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// Tuple is an IP packet: the first one of a connection, or one that is judged for
// itself. A fragment is told by the datagram it belongs to, so it has its ports. The
// addresses are of one family, never IPv4-mapped. Fields that the protocol does not
// have are zero. In JSON it is as hosts and APIs tell each other.
type Tuple struct {
	Src      netip.Addr `json:"src"`
	Dst      netip.Addr `json:"dst"`
	Proto    uint8      `json:"proto"`
	SrcPort  uint16     `json:"src_port,omitempty"` // TCP, UDP
	DstPort  uint16     `json:"dst_port,omitempty"`
	ICMPType uint8      `json:"icmp_type,omitempty"` // ICMP on IPv4, ICMPv6 on IPv6
	ICMPCode uint8      `json:"icmp_code,omitempty"`
}

// Is6 tells whether the packet is of IPv6.
func (t Tuple) Is6() bool { return t.Src.Is6() }

// ICMP tells whether the packet is an ICMP message of its family.
func (t Tuple) ICMP() bool {
	if t.Is6() {
		return t.Proto == ProtoICMPv6
	}
	return t.Proto == ProtoICMP
}

// Reversed is the packet that the other end begins with, or answers by.
func (t Tuple) Reversed() Tuple {
	t.Src, t.Dst, t.SrcPort, t.DstPort = t.Dst, t.Src, t.DstPort, t.SrcPort
	return t
}
