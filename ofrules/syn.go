package ofrules

import (
	"slices"

	of "github.com/ringfence/ringfence/openflow"
)

// TCP begins with a SYN, and only a SYN begins a connection in this pipeline. Conntrack
// would begin one with any segment but SYN with ACK: what a server goes on sending long
// after its connection was cut and forgotten would become a connection that the server
// began.

// pickedUp is the bit of ct_label that a connection has which was picked up in
// mid-stream, so that it may seem to have been begun by the wrong end.
var pickedUp = [16]byte{15: 2}

// IsPickedUp tells whether a connection with this ct_label was picked up in
// mid-stream.
func IsPickedUp(label [16]byte) bool { return label[15]&pickedUp[15] != 0 }

func isNew() of.Term {
	return of.CTState.IsMasked(of.CTNew|of.CTTrk, of.CTNew|of.CTInv|of.CTTrk)
}

// newPipeline adds the flows of a stage for packets that begin a connection.
func newPipeline(b *builder, s stage) {
	for _, eth := range ipTypes() {
		tcp, noSYN := of.IPProto.Is(of.ProtoTCP), of.TCPFlags.IsMasked(0, of.TCPSyn)
		// A SYN that begins anew on the tuple of a connection that conntrack
		// believes in is invalid to it (the kernel's lets it through). Its ends
		// agree on what becomes of it (RFC 9293 §3.10.7.4, RFC 5961 §4): the entry
		// stays as it is until they have, so that nobody ends a connection by a SYN.
		// Only what belongs to no connection has no mark: it is broken. That is looked at
		// where nothing else comes: each mark would have a megaflow of an established
		// connection, and a SYN that begins one a mask of its own.
		b.flow(s.state, prioOldTuple, terms(eth, tcp, ctState(of.CTInv, 0), of.TCPFlags.IsMasked(of.TCPSyn, of.TCPSyn|of.TCPAck|of.TCPFin|of.TCPRst)), of.Goto{Table: s.invalid})
		b.flow(s.invalid, prioInvalidNone, terms(eth, tcp, of.CTMark.Is(0)))
		b.flow(s.invalid, prioInvalidSYN, terms(eth, tcp), append(s.begins(), of.Goto{Table: s.nic})...)
		b.flow(s.state, prioNoSYN, terms(eth, tcp, isNew(), noSYN))
		// A handshake is never in fragments.
		b.flow(s.accept, prioTCPInParts, terms(eth, tcp, isNew(), marked(), isWhole()))
		b.flow(s.accept, prioTCPInParts, terms(eth, isNew(), isFirst(), of.CTNwProto.Is(of.ProtoTCP)))
		b.flow(s.accept, prioPickedUp, terms(eth, tcp, isNew(), noSYN), append([]of.Action{of.Clone{Actions: []of.Action{
			commit(of.CopyField{Src: regRule, Dst: of.CTMark}, of.NoTable, of.SetWide{Field: of.CTLabel, Value: pickedUp, Mask: pickedUp}),
		}}}, leave(s.next)...)...)
	}
	b.flow(s.state, prioNew, terms(isNew()), append(s.begins(), of.Goto{Table: s.nic})...)
}

// PickUp returns the flows that have TCP judged that is picked up in mid-stream,
// which is for a short while after the switch forgot its connections. They are not
// part of a Compiler's set: who installs them gives them a timeout.
//
// Conntrack takes the end that sends first for the one that began. If that is the NIC,
// and its egress is open, it may only have been answering. So a reply is judged as well,
// on a clone: where the NIC's rules would let it begin a connection, the entry is
// replaced by one in that direction. The reply itself passes in any case, unless its
// sender is a NIC of this host whose own zone says that the sender began: if both ends
// were picked up as the ones that began, only packets pass that the receiver's rules
// allow.
//
// Packets that may be answers do not make their sender the one that began: see answers.
func PickUp() (flows []of.Flow) {
	in := ingressStage()
	tcp := of.IPProto.Is(of.ProtoTCP)
	for _, eth := range ipTypes() {
		for _, s := range []stage{in, egressStage()} {
			flows = append(flows, pickUpFlow(key(s.state, prioPickUp, eth, tcp, isNew()), append(s.begins(), of.Goto{Table: s.nic})...))
		}
		goesOn := of.TCPFlags.IsMasked(0, of.TCPSyn|of.TCPFin|of.TCPRst)
		within := append(contradiction(), eth, tcp, of.CTLabel.IsBytes(pickedUp[:], pickedUp[:]))
		judged := append(slices.Clone(within), of.TCPFlags.IsMasked(0, of.TCPSyn))
		turned := of.CT{
			Commit: true, Force: true, ZoneField: regZone, Table: of.NoTable,
			Exec: []of.Action{of.CopyField{Src: regRule, Dst: of.CTMark}, of.SetWide{Field: of.CTLabel, Value: pickedUp, Mask: pickedUp}},
		}
		turn := of.Clone{Actions: []of.Action{load(regAsk, askReplyAllowed), of.Resubmit{Table: in.nic}}}
		flows = append(flows, answers(egressStage(), eth, goesOn)...)
		flows = append(flows, answers(in, eth, goesOn, turn)...)
		flows = append(flows,
			pickUpFlow(key(in.accept, prioReplyAllowed, eth, tcp, regAsk.Is(askReplyAllowed)), turned),
			pickUpFlow(key(in.state, prioReplyJudged, eth, tcp, goesOn, isReply(), of.CTLabel.IsBytes(pickedUp[:], pickedUp[:])), turn, of.Goto{Table: in.next}),
			pickUpFlow(key(in.state, prioReplyJudgedWithin, judged...), of.Goto{Table: in.nic}),
			pickUpFlow(key(in.accept, prioReplyAllowedWithin, append(within, goesOn)...), append([]of.Action{of.Clone{Actions: []of.Action{turned}}}, leave(in.next)...)...))
	}
	return flows
}

// Values of regAsk: why a packet is sent through the rules that does not pass by them.
const (
	askReplyAllowed = 1 // it passes anyhow: its entry alone is made, or turned round
	askOtherEnd     = 2 // its ends are exchanged: whether the other one may have begun is asked
)

// answers returns the flows for TCP packets in mid-stream that may be answers: of a
// connection that is picked up only one end may be sending, and it need not be the one
// that began. A stage therefore sends the packet, with its ends exchanged, through the
// tables of the other stage first: if those would let the other end begin a connection,
// the packet passes, after the actions then. Nothing is committed: who began is found
// out when the other end sends. A packet is no answer if its sender's own zone says that
// the sender began.
func answers(s stage, eth, goesOn of.Term, then ...of.Action) []of.Flow {
	other, from := ingressStage(), []of.Action{of.CopyField{Src: of.InPort, Dst: regOut}}
	back := []of.Action{load(regOut, 0)}
	if s.next == TableOutput {
		other = egressStage()
		from = []of.Action{of.CopyField{Src: of.InPort, Dst: regSender}, of.CopyField{Src: regOut, Dst: of.InPort}}
		back = []of.Action{of.CopyField{Src: regSender, Dst: of.InPort}, load(regSender, 0)}
	}
	for _, r := range append([]of.Field{regProfile, regDomain}, labels()...) {
		back = append(back, load(r, 0))
	}
	ask := slices.Concat(exchange(eth), from, []of.Action{load(regAsk, askOtherEnd), of.Resubmit{Table: other.nic}}, exchange(eth), back, []of.Action{of.Resubmit{Table: s.state}})
	tcp := of.IPProto.Is(of.ProtoTCP)
	asked := append(terms(eth, tcp, isNew()), regAsk.Is(askOtherEnd))
	return []of.Flow{
		pickUpFlow(key(s.state, prioAsk, append(terms(eth, tcp, isNew(), goesOn, isWhole(), regFragment.Is(0)), regBegun.Is(0))...), ask...),
		pickUpFlow(key(other.accept, prioAsked, eth, tcp, regAsk.Is(askOtherEnd))),
		pickUpFlow(key(s.state, prioNoAnswer, append(asked, regRule.Is(0))...), append(append([]of.Action{load(regAsk, 0)}, s.begins()...), of.Goto{Table: s.nic})...),
		pickUpFlow(key(s.state, prioAnswer, asked...), slices.Concat([]of.Action{load(regAsk, 0), load(regRule, 0)}, then, []of.Action{of.Goto{Table: s.next}})...),
	}
}

// exchange returns the actions that exchange the addresses and ports of a TCP packet.
func exchange(eth of.Term) []of.Action {
	port := of.Range{Width: 16}
	swap := []of.Action{
		of.CopyField{Src: of.TCPSrc, SrcBits: port, Dst: regLabel, DstBits: port}, of.CopyField{Src: of.TCPDst, Dst: of.TCPSrc},
		of.CopyField{Src: regLabel, SrcBits: port, Dst: of.TCPDst, DstBits: port},
	}
	if eth == of.EthType.Is(of.EthTypeIPv4) {
		swap = append(swap, of.CopyField{Src: of.IPv4Src, Dst: regLabel}, of.CopyField{Src: of.IPv4Dst, Dst: of.IPv4Src}, of.CopyField{Src: regLabel, Dst: of.IPv4Dst})
	} else {
		var out, in []of.Action
		for i, r := range labels() {
			part := of.Range{Offset: uint8(32 * i), Width: 32}
			out = append(out, of.CopyField{Src: of.IPv6Src, SrcBits: part, Dst: r, DstBits: of.Range{Width: 32}})
			in = append(in, of.CopyField{Src: r, SrcBits: of.Range{Width: 32}, Dst: of.IPv6Dst, DstBits: part})
		}
		swap = slices.Concat(swap, out, []of.Action{of.CopyField{Src: of.IPv6Dst, Dst: of.IPv6Src}}, in)
	}
	for _, r := range labels() {
		swap = append(swap, load(r, 0))
	}
	return swap
}

// PickUpNothing returns the flows that have nothing picked up of the NIC in a zone.
func PickUpNothing(zone uint16) (flows []of.Flow) {
	for _, s := range []stage{ingressStage(), egressStage()} {
		for _, eth := range ipTypes() {
			flows = append(flows, pickUpFlow(key(s.state, prioPickUpNothing, eth, of.IPProto.Is(of.ProtoTCP), isNew(), of.TCPFlags.IsMasked(0, of.TCPSyn), regZone.Is(uint64(zone)))))
		}
	}
	return flows
}

func pickUpFlow(k of.FlowKey, actions ...of.Action) of.Flow {
	return of.Flow{Table: k.Table, Priority: k.Priority, Match: k.Match, Cookie: PickUpCookie, Actions: of.MustActions(actions...)}
}

// PickUpCookie under KindMask is in the cookies of the flows of PickUp.
const PickUpCookie = CookieOwner | uint64(KindPickUp)<<40
