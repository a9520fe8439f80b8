package desk

import (
	"net/netip"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// gatewayMAC stands for a router behind the uplink: a MAC of no NIC.
var gatewayMAC = secgroup.MAC{0x0e, 0x52, 0x46, 0, 0, 1}

// tcpSYN is the flag of the first segment of a connection.
const tcpSYN = 2

// frame is the packet of a trace or a probe as it comes into the switch.
type frame struct {
	port     uint32
	vlan     uint16 // 0 = untagged
	src, dst secgroup.MAC
	packet   packet.Tuple
	state    inquiry.State
	target   netip.Addr // the sender's own IPv6 address, which duplicate address detection asks for
}

// flow describes the frame in the syntax that ofproto/trace takes.
func (f frame) flow() (string, error) {
	terms := append(packetTerms(f.packet),
		openflow.InPort.Is(uint64(f.port)), openflow.EthSrc.IsMAC(f.src), openflow.EthDst.IsMAC(f.dst))
	if f.packet.Proto == openflow.ProtoTCP && f.state == inquiry.New {
		terms = append(terms, openflow.TCPFlags.Is(tcpSYN))
	}
	if p := f.packet; p.Src.Is6() && p.Proto == openflow.ProtoICMPv6 && p.ICMPType == openflow.ICMPv6NeighborSolicit && p.ICMPCode == 0 {
		target := p.Dst // as it asks whether its neighbour is still there
		if f.target.Is6() && (p.Src.IsUnspecified() || p.Dst.IsMulticast()) {
			target = f.target
		}
		terms = append(terms, openflow.NDTarget.IsAddr(target))
	}
	if f.vlan != 0 {
		terms = append(terms, openflow.VlanVID.Is(openflow.VlanPresent|uint64(f.vlan)))
	}
	m, err := openflow.NewMatch(terms...)
	if err != nil {
		return "", err
	}
	return m.PacketText(), nil
}

// packetTerms are the fields of an IP packet. Its hop limit is 255, that of a packet which no
// router has forwarded: receivers of Neighbor Discovery require it.
func packetTerms(p packet.Tuple) []openflow.Term {
	terms := []openflow.Term{openflow.IPProto.Is(uint64(p.Proto)), openflow.IPTTL.Is(255)}
	v6 := p.Src.Is6()
	if v6 {
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv6), openflow.IPv6Src.IsAddr(p.Src), openflow.IPv6Dst.IsAddr(p.Dst))
	} else {
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPv4Src.IsAddr(p.Src), openflow.IPv4Dst.IsAddr(p.Dst))
	}
	src, dst := uint64(p.SrcPort), uint64(p.DstPort)
	switch {
	case p.Proto == openflow.ProtoTCP:
		return append(terms, openflow.TCPSrc.Is(src), openflow.TCPDst.Is(dst))
	case p.Proto == openflow.ProtoUDP:
		return append(terms, openflow.UDPSrc.Is(src), openflow.UDPDst.Is(dst))
	case p.Proto == openflow.ProtoICMP && !v6:
		return append(terms, openflow.ICMPType.Is(uint64(p.ICMPType)), openflow.ICMPCode.Is(uint64(p.ICMPCode)))
	case p.Proto == openflow.ProtoICMPv6 && v6:
		terms = append(terms, openflow.ICMPv6Type.Is(uint64(p.ICMPType)), openflow.ICMPv6Code.Is(uint64(p.ICMPCode)))
		if p.ICMPType == openflow.ICMPv6NeighborAdvert && p.ICMPCode == 0 {
			terms = append(terms, openflow.NDTarget.IsAddr(p.Src)) // an honest one advertises itself
		}
	}
	return terms
}

// destinationMAC is the MAC to which a frame for an address is sent: that of the receiver if
// it is in the same segment, that of a multicast group (RFC 1112 §6.4, RFC 2464 §7), and else
// the router's.
func destinationMAC(receiver *secgroup.NIC, a netip.Addr) secgroup.MAC {
	switch b := a.AsSlice(); {
	case receiver != nil:
		return receiver.MAC
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return secgroup.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case a.IsMulticast() && a.Is4():
		return secgroup.MAC{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	case a.IsMulticast():
		return secgroup.MAC{0x33, 0x33, b[12], b[13], b[14], b[15]}
	}
	return gatewayMAC
}

// ctNext is the state of a packet's connection as ofproto/trace --ct-next takes it. A packet
// of a kind that cannot begin a connection is never "new" to connection tracking.
func ctNext(s inquiry.State, p packet.Tuple) string {
	if s == inquiry.New && !verdict.Tracked(p) {
		s = inquiry.Invalid
	}
	switch s {
	case inquiry.Established:
		return "trk,est"
	case inquiry.Reply:
		return "trk,est,rpl"
	case inquiry.Related:
		return "trk,rel,rpl"
	case inquiry.Invalid:
		return "trk,inv"
	default:
		return "trk,new"
	}
}
