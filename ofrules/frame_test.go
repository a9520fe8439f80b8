package ofrules_test

import (
	"slices"
	"testing"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofsim"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// fields describes an IP packet by its fields. from is the sender if it is one
// of ours: a neighbour discovery message is about its first IPv6 address.
func fields(p packet.Tuple, from *secgroup.NIC) []of.Term {
	terms := []of.Term{of.IPProto.Is(uint64(p.Proto)), of.IPTTL.Is(255)}
	v6 := p.Is6()
	if v6 {
		terms = append(terms, of.EthType.Is(of.EthTypeIPv6), of.IPv6Src.IsAddr(p.Src), of.IPv6Dst.IsAddr(p.Dst))
	} else {
		terms = append(terms, of.EthType.Is(of.EthTypeIPv4), of.IPv4Src.IsAddr(p.Src), of.IPv4Dst.IsAddr(p.Dst))
	}
	switch {
	case p.Proto == of.ProtoTCP:
		return append(terms, of.TCPSrc.Is(uint64(p.SrcPort)), of.TCPDst.Is(uint64(p.DstPort)))
	case p.Proto == of.ProtoUDP:
		return append(terms, of.UDPSrc.Is(uint64(p.SrcPort)), of.UDPDst.Is(uint64(p.DstPort)))
	case p.Proto == of.ProtoICMP && !v6:
		return append(terms, of.ICMPType.Is(uint64(p.ICMPType)), of.ICMPCode.Is(uint64(p.ICMPCode)))
	case p.Proto == of.ProtoICMPv6 && v6:
		terms = append(terms, of.ICMPv6Type.Is(uint64(p.ICMPType)), of.ICMPv6Code.Is(uint64(p.ICMPCode)))
		if (p.ICMPType == of.ICMPv6NeighborSolicit || p.ICMPType == of.ICMPv6NeighborAdvert) && p.ICMPCode == 0 {
			terms = append(terms, aboutItself(p, from))
		}
		return terms
	default:
		return terms
	}
}

// aboutItself is the target of a neighbour discovery message. The semantics
// have no word for it; what the guard makes of other targets has its own test.
func aboutItself(p packet.Tuple, from *secgroup.NIC) of.Term {
	if !p.Src.IsUnspecified() {
		return of.NDTarget.IsAddr(p.Src)
	}
	if from != nil {
		for _, a := range from.Addresses {
			if a.Is6() {
				return of.NDTarget.IsAddr(a)
			}
		}
		return of.NDTarget.IsAddr(from.MAC.LinkLocal())
	}
	return of.NDTarget.IsAddr(p.Dst)
}

// makeFrame puts a packet into a frame. TCP begins a connection, unless it says
// otherwise.
func makeFrame(tb testing.TB, packet []of.Term, inPort uint32, src, dst secgroup.MAC, vlan uint64) ofsim.Packet {
	tb.Helper()
	terms := append(slices.Clip(packet), of.InPort.Is(uint64(inPort)), of.EthSrc.IsMAC(src), of.EthDst.IsMAC(dst))
	if vlan != 0 {
		terms = append(terms, of.VlanVID.Is(vlan))
	}
	has := func(is func(of.Term) bool) bool { return slices.ContainsFunc(packet, is) }
	if has(func(t of.Term) bool { return t == of.IPProto.Is(of.ProtoTCP) }) &&
		!has(func(t of.Term) bool { return t.Field() == of.TCPFlags || t.Field() == of.IPFrag }) {
		terms = append(terms, of.TCPFlags.Is(of.TCPSyn))
	}
	p, err := ofsim.NewPacket(terms...)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// vlanVID is the field of a frame on a VLAN, 0 being untagged.
func vlanVID(vlan uint16) uint64 {
	if vlan == 0 {
		return 0
	}
	return of.VlanPresent | uint64(vlan)
}
