package ofrules

import of "github.com/ringfence/ringfence/openflow"

// Two NICs that no rule connects may both send to each other, if nothing restricts
// their egress. Each end commits a connection for what it sends and refuses what it
// receives; but conntrack would take the next packet that it receives for a reply on
// its own connection. Within a host the egress pass therefore notes in regBegun that
// the sender began, and the ingress pass does not take such a packet for a reply: as
// long as the two ends' entries contradict each other, the receiver's rules judge each
// packet. Where they allow it, the receiver's entry is replaced by one in the other
// direction.
//
// Of TCP this is about SYNs only, without which nothing gets open; and a SYN that
// is taken for an answer to one (the kernel's conntrack knows simultaneous opens)
// begins a connection wherever it comes from, also from another host.

// begins returns the action that notes that the sender began the packet's connection,
// as its own zone has it; nil in the receiver's stage.
func (s stage) begins() []of.Action {
	if s.next == TableDeliver {
		return []of.Action{load(regBegun, 1)}
	}
	return nil
}

// contradiction matches packets of connections that the sender began by the sender's
// zone, and the receiver by the receiver's zone.
func contradiction() []of.Term { return terms(regBegun.Is(1), isReply()) }

func isReply() of.Term {
	return of.CTState.IsMasked(of.CTEst|of.CTRpl|of.CTTrk, of.CTEst|of.CTRpl|of.CTNew|of.CTInv|of.CTRel|of.CTTrk)
}

// bothSendPipeline adds the flows of the receiver's stage for contradictions.
func bothSendPipeline(b *builder, s stage) {
	for _, eth := range ipTypes() {
		tcp := of.IPProto.Is(of.ProtoTCP)
		b.flow(s.state, prioBothSYN, terms(isReply(), eth, tcp, of.TCPFlags.IsMasked(of.TCPSyn, of.TCPSyn|of.TCPAck)), of.Goto{Table: s.nic})
		b.flow(s.state, prioBothTCP, append(contradiction(), eth, tcp), of.Goto{Table: s.next})
		b.flow(s.state, prioBothSend, append(contradiction(), eth), of.Goto{Table: s.nic})
		giveWay := of.CT{Commit: true, Force: true, ZoneField: regZone, Table: of.NoTable, Exec: []of.Action{of.CopyField{Src: regRule, Dst: of.CTMark}, clearCut()}}
		b.flow(s.accept, prioReplaceEntry, append(contradiction(), eth, isWhole()), append([]of.Action{of.Clone{Actions: []of.Action{giveWay}}}, leave(s.next)...)...)
	}
}
