package ofrules

import (
	"net/netip"
	"slices"

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

// Cut is a connection that is kept cut at a NIC.
//
// When a connection that nothing allows any more is deleted from conntrack, both
// ends may go on sending, and the next packet of either begins a connection of
// its own. Where egress is open that one is admitted, and the packets of the
// other end then pass as its replies. Until both fall silent, packets of the
// tuple are therefore dropped where they would be new. A TCP handshake is not:
// it is a new connection, and is judged.
//
// Its flows depend on history, unlike all others, and are not part of a
// Compiler's set: who installs them gives them an idle timeout.
type Cut struct {
	OFPort uint32 // of the NIC
	Sends  Tuple  // the direction in which the NIC sends
	Began  bool   // the NIC had begun the connection
}

// Egress returns the flows that drop what the NIC sends.
func (c Cut) Egress() []of.Flow {
	return c.flows(TableEgressState, of.InPort.Is(uint64(c.OFPort)), c.Sends)
}

// Ingress returns the flows that drop what is sent to the NIC.
func (c Cut) Ingress() []of.Flow {
	return c.flows(TableIngressState, regOut.Is(uint64(c.OFPort)), c.Sends.Reverse())
}

func (c Cut) flows(table uint8, nic of.Term, t Tuple) []of.Flow {
	isNew := of.CTState.IsMasked(of.CTNew|of.CTTrk, of.CTNew|of.CTTrk)
	var flows []of.Flow
	for _, k := range []of.FlowKey{
		key(table, prioCut, append(t.terms(), nic, isNew)...),
		key(table, prioCutFragment, append(t.datagram(), nic, isNew, marked())...),
	} {
		f := of.Flow{Table: k.Table, Priority: k.Priority, Match: k.Match, Cookie: CutCookie}
		if c.Began {
			f.Cookie |= cutBegan
		}
		flows = append(flows, f)
	}
	return flows
}

// CutCookie under KindMask is in the cookies of all flows of cuts.
const (
	CutCookie = CookieOwner | uint64(KindCut)<<40

	cutBegan = 1 // the only bit of the id
)

// prioCut stands above new packets and below established ones, prioCutFragment
// above all fragments.
const (
	prioCut         = 150
	prioCutFragment = 415
)

// ParseCut reads a flow of a cut.
func ParseCut(f of.Flow) (Cut, bool) {
	if f.Cookie&KindMask != CutCookie {
		return Cut{}, false
	}
	c := Cut{Began: f.Cookie&cutBegan != 0}
	for _, field := range []of.Field{of.IPProto, of.CTNwProto} {
		if n, _, ok := f.Match.Uint64(field); ok {
			c.Sends.Proto = uint8(n)
		}
	}
	for _, v := range []struct{ src, dst of.Field }{{of.IPv4Src, of.IPv4Dst}, {of.IPv6Src, of.IPv6Dst}} {
		if p, ok := f.Match.Prefix(v.src); ok {
			c.Sends.Src = p.Addr()
		}
		if p, ok := f.Match.Prefix(v.dst); ok {
			c.Sends.Dst = p.Addr()
		}
	}
	for _, v := range []struct{ src, dst of.Field }{{of.TCPSrc, of.TCPDst}, {of.UDPSrc, of.UDPDst}, {of.CTTpSrc, of.CTTpDst}} {
		if n, _, ok := f.Match.Uint64(v.src); ok {
			c.Sends.SrcPort = uint16(n)
		}
		if n, _, ok := f.Match.Uint64(v.dst); ok {
			c.Sends.DstPort = uint16(n)
		}
	}
	port := of.InPort
	if f.Table == TableIngressState {
		port, c.Sends = regOut, c.Sends.Reverse()
	}
	n, _, _ := f.Match.Uint64(port)
	c.OFPort = uint32(n)
	return c, slices.Contains(c.Egress(), f) || slices.Contains(c.Ingress(), f)
}

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
