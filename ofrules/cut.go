package ofrules

import (
	"net/netip"

	of "github.com/ringfence/ringfence/openflow"
)

// Tuple is what one direction of a connection looks like. Ports are zero for
// protocols that have none.
type Tuple struct {
	Proto            uint8
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
}

// Reverse is the other direction.
func (t Tuple) Reverse() Tuple { return Tuple{t.Proto, t.Dst, t.Src, t.DstPort, t.SrcPort} }

// CutFlows returns the flows that keep a connection cut at a NIC: sends is the
// direction in which the NIC sends.
//
// When a connection that nothing allows any more is deleted from conntrack, both
// ends may go on sending, and the next packet of either begins a connection of
// its own. Where egress is open that one is admitted, and the packets of the
// other end then pass as its replies. Until both fall silent, packets of the
// tuple are therefore dropped where they would be new. A TCP handshake is not:
// it is a new connection, and is judged.
//
// They depend on history, unlike all other flows, and are not part of a
// Compiler's set: who installs them gives them an idle timeout.
func CutFlows(p Port, sends Tuple) []of.Flow {
	isNew := of.CTState.IsMasked(of.CTNew|of.CTTrk, of.CTNew|of.CTTrk)
	var flows []of.Flow
	flow := func(table uint8, nic of.Term, t Tuple) {
		whole := key(table, prioCut, append(t.terms(), nic, isNew)...)
		first := key(table, prioCutFragment, append(t.datagram(), nic, isNew, marked())...)
		for _, k := range []of.FlowKey{whole, first} {
			flows = append(flows, of.Flow{Table: k.Table, Priority: k.Priority, Match: k.Match, Cookie: CutCookie})
		}
	}
	flow(TableEgressState, of.InPort.Is(uint64(p.OFPort)), sends)
	flow(TableIngressState, regOut.Is(uint64(p.OFPort)), sends.Reverse())
	return flows
}

// CutCookie is the cookie of all flows that keep a connection cut.
const CutCookie = CookieOwner | uint64(KindCut)<<40

// prioCut stands above new packets and below established ones, prioCutFragment
// above all fragments.
const (
	prioCut         = 150
	prioCutFragment = 415
)

func (t Tuple) terms() []of.Term {
	terms := append(t.addresses(), of.IPProto.Is(uint64(t.Proto)))
	switch t.Proto {
	case of.ProtoTCP:
		return append(terms, of.TCPSrc.Is(uint64(t.SrcPort)), of.TCPDst.Is(uint64(t.DstPort)), of.TCPFlags.IsMasked(0, of.TCPSyn))
	case of.ProtoUDP:
		return append(terms, of.UDPSrc.Is(uint64(t.SrcPort)), of.UDPDst.Is(uint64(t.DstPort)))
	default:
		return terms
	}
}

// datagram matches the first fragment (see fragment.go); a TCP handshake is
// never in fragments.
func (t Tuple) datagram() []of.Term {
	terms := append(t.addresses(), of.CTNwProto.Is(uint64(t.Proto)))
	if t.Proto == of.ProtoTCP || t.Proto == of.ProtoUDP {
		terms = append(terms, of.CTTpSrc.Is(uint64(t.SrcPort)), of.CTTpDst.Is(uint64(t.DstPort)))
	}
	return terms
}

func (t Tuple) addresses() []of.Term {
	if t.Src.Is6() {
		return []of.Term{etherType(t.Src), of.IPv6Src.IsAddr(t.Src), of.IPv6Dst.IsAddr(t.Dst)}
	}
	return []of.Term{etherType(t.Src), of.IPv4Src.IsAddr(t.Src), of.IPv4Dst.IsAddr(t.Dst)}
}
