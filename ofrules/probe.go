package ofrules

import (
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/packet"
)

// Probe reports what becomes of the packets of one tuple that a NIC sends, or is
// sent: where they are dropped, as a Watch does, or that they pass. It changes no
// verdict. Its flows stand above those of watches; they, too, are for who
// installs them to take away.
type Probe struct {
	ID     uint32 // in cookies and reports
	OFPort uint32 // of the NIC
	Egress bool   // report what the NIC sends; else what it is sent
	Ready  bool   // the NIC has its flows
	Packet packet.Tuple
	Meter  uint32 // that reports pass
}

// Flows returns the flows of the probe. Of a packet that passes they tell where
// it leaves the stage (table deliver, or output), and then go on with it.
func (p Probe) Flows() []of.Flow {
	side := sideIngress
	if p.Egress {
		side = sideEgress
	}
	b := watchBuilder{watch: Watch{p.ID, p.OFPort, p.Ready, p.Meter}, above: probeAbove, only: p.terms(), side: side}
	b.drops()
	passed := b.report(Report{ID: p.ID, Egress: p.Egress})
	if p.Egress {
		b.addAt(TableDeliver, prioProbe, []of.Action{passed, load(regProbe, 1), of.Resubmit{Table: TableDeliver}},
			of.InPort.Is(uint64(p.OFPort)), regProbe.Is(0))
	} else {
		b.addAt(TableOutput, prioProbe, []of.Action{passed, of.OutputField{Field: regOut}}, regOut.Is(uint64(p.OFPort)))
	}
	return b.flows
}

func (p Probe) terms() []of.Term {
	t := p.Packet
	terms := append(endTerms(t), of.IPProto.Is(uint64(t.Proto)))
	switch {
	case t.Proto == of.ProtoTCP:
		return append(terms, of.TCPSrc.Is(uint64(t.SrcPort)), of.TCPDst.Is(uint64(t.DstPort)))
	case t.Proto == of.ProtoUDP:
		return append(terms, of.UDPSrc.Is(uint64(t.SrcPort)), of.UDPDst.Is(uint64(t.DstPort)))
	case t.Proto == of.ProtoICMP && t.Src.Is4():
		return append(terms, of.ICMPType.Is(uint64(t.ICMPType)), of.ICMPCode.Is(uint64(t.ICMPCode)))
	case t.Proto == of.ProtoICMPv6 && t.Src.Is6():
		return append(terms, of.ICMPv6Type.Is(uint64(t.ICMPType)), of.ICMPv6Code.Is(uint64(t.ICMPCode)))
	}
	return terms
}
