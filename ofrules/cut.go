package ofrules

import of "github.com/ringfence/ringfence/openflow"

// A connection that nothing allows any more is cut by a bit of its ct_label and
// stays in conntrack as a tombstone. Deleted, it would begin anew with the next
// packet of either end: where egress is open, that of the end that was only
// answering is admitted, and what the other end sends then passes as its reply.
// The tombstone knows who began, and its own traffic keeps it:
//
//   - replies, and errors about it, are dropped;
//   - what the end sends that began it is judged like the first packet of a
//     connection. A rule that allows it commits it anew, which takes the bit off,
//     and from then on both directions pass: no other work brings it back.
//
// Each NIC's zone has a tombstone of its own, so one end cuts both directions
// without the other. The mark still says who had admitted it.

// cutLabel is the bit of ct_label, most significant byte first. It is a bit, and
// not a value of ct_mark, so that the megaflows of established connections need
// not tell the rules apart that admitted them.
var cutLabel = [16]byte{15: 1}

// IsCut tells whether a connection with this ct_label is cut.
func IsCut(label [16]byte) bool { return label[15]&cutLabel[15] != 0 }

// Cut returns the actions of a packet-out that cut the connection of a zone that
// the packet belongs to, and do nothing else with it. The packet is one that its
// first sender might send. An entry that took the packet for a reply gives way
// to one that knows better who began. Without an entry there is one then, unless
// the packet begins no connection.
func Cut(zone uint16) of.Actions { return of.MustActions(commitCut(zone)) }

// CutInKernel is Cut for the kernel's datapath, which looks at a packet's direction
// only if it was tracked before (net/openvswitch/conntrack.c, skb_nfct_cached()).
func CutInKernel(zone uint16) of.Actions {
	return of.MustActions(of.CT{Zone: zone, Table: of.NoTable}, commitCut(zone))
}

// Track returns the actions of a packet-out that have a connection tracked in a
// zone, and do nothing else.
func Track(zone uint16) of.Actions {
	return of.MustActions(of.CT{Commit: true, Zone: zone, Table: of.NoTable})
}

func commitCut(zone uint16) of.Action {
	return of.CT{
		Commit: true, Force: true, Zone: zone, Table: of.NoTable, Exec: []of.Action{of.SetWide{Field: of.CTLabel, Value: cutLabel, Mask: cutLabel}},
	}
}

// clearCut takes the bit off.
func clearCut() of.Action { return of.SetWide{Field: of.CTLabel, Mask: cutLabel} }

func isCut() of.Term { return of.CTLabel.IsBytes(cutLabel[:], cutLabel[:]) }

// cutPipeline is what a stage does with connections that are cut.
func cutPipeline(b *builder, s stage) {
	b.cookie = cookie(KindCut, 0)
	defer func() { b.cookie = cookie(KindPipeline, 0) }()
	state := func(prio uint16, set, clear uint64, more []of.Term, acts ...of.Action) {
		b.flow(s.state, prio, append(more, isCut(), of.CTState.IsMasked(set|of.CTTrk, set|clear|of.CTTrk)), acts...)
	}
	state(prioCut, of.CTRel, of.CTNew|of.CTInv, nil)
	state(prioCut, of.CTEst|of.CTRpl, of.CTNew|of.CTInv, nil)
	state(prioCut, of.CTEst, of.CTNew|of.CTInv|of.CTRpl, nil, append(s.begins(), of.Goto{Table: s.nic})...)
	state(prioCutFragment, of.CTRpl, of.CTInv, terms(marked()))
	// It was refused, and is not whole.
	b.flow(s.fragment, prioUncommitted, terms(isCut()))
}
