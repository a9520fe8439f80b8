package ofrules

import of "github.com/ringfence/ringfence/openflow"

// A connection that nothing allows any more is cut by a bit of its ct_label and
// stays in conntrack as a tombstone. If it were deleted, the next packet of either
// end would begin a new one: where egress is open, a packet of the end that was only
// answering would be admitted, and what the other end sends would pass as the reply.
// The tombstone keeps who began, and stays as long as there is traffic:
//
//   - replies, and ICMP errors about it, are dropped;
//   - a packet of the end that began it is judged like the first packet of a
//     connection. If a rule allows it, the connection is committed again without the
//     bit, and from then on both directions pass. Nothing else needs to be done to
//     bring it back.
//
// Each NIC's zone has a tombstone of its own, so one end cuts both directions
// without the other. The mark still says who had admitted it.

// cutLabel is the bit of ct_label, most significant byte first. It is a bit, and
// not a value of ct_mark, so that the megaflows of established connections need
// not tell the rules apart that admitted them.
var cutLabel = [16]byte{15: 1}

// IsCut tells whether a connection with this ct_label is cut.
func IsCut(label [16]byte) bool { return label[15]&cutLabel[15] != 0 }

// Cut returns the actions of a packet-out that cut the packet's connection in a zone,
// and drop the packet. It has to be one that the end which began the connection could
// send: an entry in which it is a reply is replaced by one in the other direction. If
// there is no entry, one is made, unless the packet cannot begin a connection.
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

// clearCut returns the action that clears the bit.
func clearCut() of.Action { return of.SetWide{Field: of.CTLabel, Mask: cutLabel} }

func isCut() of.Term { return of.CTLabel.IsBytes(cutLabel[:], cutLabel[:]) }

// cutPipeline adds the flows of a stage for connections that are cut.
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
