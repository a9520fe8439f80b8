package ofrules

import of "github.com/ringfence/ringfence/openflow"

// Two NICs that no rule connects may both send to the other, where nothing
// restricts their egress: each end commits what it sends, refuses what comes, and
// would take the next of it for the reply to its own. Within a host the sender's
// end tells the receiver's who began: what the sender itself began is no reply. So
// the receiver's rules judge it, packet by packet, as long as the two ends know
// different things. Where they allow it, the entry that takes it for a reply gives
// way to one that knows better.
//
// Of TCP this is about SYNs only, without which nothing gets open; and a SYN that
// is taken for an answer to one (the kernel's conntrack knows simultaneous opens)
// begins a connection wherever it comes from, also from another host.

// begins says that the packet's sender began its connection, as far as its own
// end knows: nothing in a stage that is not the sender's.
func (s stage) begins() []of.Action {
	if s.next == TableDeliver {
		return []of.Action{load(regBegun, 1)}
	}
	return nil
}

// contradiction matches what the sender's end says that the sender began, and this
// end that the receiver did.
func contradiction() []of.Term { return terms(regBegun.Is(1), isReply()) }

func isReply() of.Term {
	return of.CTState.IsMasked(of.CTEst|of.CTRpl|of.CTTrk, of.CTEst|of.CTRpl|of.CTNew|of.CTInv|of.CTRel|of.CTTrk)
}

// bothSendPipeline is what the receiver's stage does with contradictions.
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
