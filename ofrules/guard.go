package ofrules

import (
	"net/netip"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// dhcp matches DHCP by its ports.
func dhcp(eth, src, dst uint64) service {
	return service{of.EthType.Is(eth), of.IPProto.Is(of.ProtoUDP), of.UDPSrc.Is(src), of.UDPDst.Is(dst)}
}

// pipelineParts compiles the flows that every host has.
func pipelineParts() []part {
	b := builder{cookie: cookie(KindPipeline, 0)}
	guardPipeline(&b)
	for _, d := range []secgroup.Direction{secgroup.Egress, secgroup.Ingress} {
		stagePipeline(&b, stageOf(d))
	}
	b.flow(TableOutput, prioOutput, nil, of.OutputField{Field: regOut})
	return b.parts
}

// Nudge returns the key of a flow that never is. Deleting it changes nothing and
// shows in no flow monitor, but has the switch hold its cached megaflows against
// the tables.
func Nudge() of.FlowKey { return key(TableOutput, prioNudge, regOut.Is(0)) }

// guardPipeline is the part of docs/semantics.md §4 that is the same for every NIC.
func guardPipeline(b *builder) {
	ip4, ip6 := of.EthType.Is(of.EthTypeIPv4), of.EthType.Is(of.EthTypeIPv6)
	icmp4 := func(typ uint64) []of.Term { return terms(ip4, of.IPProto.Is(of.ProtoICMP), of.ICMPType.Is(typ)) }
	icmp6 := func(typ uint64) []of.Term { return terms(ip6, of.IPProto.Is(of.ProtoICMPv6), of.ICMPv6Type.Is(typ)) }
	deliver, output := of.Goto{Table: TableDeliver}, of.Goto{Table: TableOutput}

	// What no VM may be: a router or a DHCP server.
	b.flow(TableEgressGuard, prioForbidden, icmp6(of.ICMPv6RouterAdvert))
	b.flow(TableEgressGuard, prioForbidden, icmp6(of.ICMPv6Redirect))
	b.flow(TableEgressGuard, prioForbidden, icmp4(of.ICMPRedirect))
	b.flow(TableEgressGuard, prioForbidden, icmp4(of.ICMPRouterAdvert))
	b.flow(TableEgressGuard, prioForbidden, terms(ip4, of.IPProto.Is(of.ProtoUDP), of.UDPDst.Is(68)))
	b.flow(TableEgressGuard, prioForbidden, terms(ip6, of.IPProto.Is(of.ProtoUDP), of.UDPDst.Is(546)))
	// Neighbor Discovery that no flow of a NIC lets through is spoofed: it may
	// not pass as ICMPv6 of an address it owns.
	readableParts(b)
	b.flow(TableEgressGuard, prioNDSpoofed, icmp6(of.ICMPv6NeighborSolicit))
	b.flow(TableEgressGuard, prioNDSpoofed, icmp6(of.ICMPv6NeighborAdvert))
	b.flow(TableEgressGuard, prioDiscovery, nd(of.ICMPv6RouterSolicit), of.Goto{Table: TableEgressND})
	b.flow(TableEgressGuard, prioNDSpoofed, icmp6(of.ICMPv6RouterSolicit))
	// A client that has no address yet.
	b.flow(TableEgressGuard, prioDiscovery, append(dhcp(of.EthTypeIPv4, 68, 67), of.IPv4Src.IsAddr(netip.IPv4Unspecified()), of.IPv4Dst.IsAddr(broadcast)), deliver)
	// A client that renews; it has been judged as a sender by now.
	for _, s := range append(forFragments(dhcp(of.EthTypeIPv4, 68, 67)), forFragments(dhcp(of.EthTypeIPv6, 546, 547))...) {
		b.flow(TableEgressAny, prioBaseline, s, load(regRule, uint64(MarkBaseline)), of.Goto{Table: TableEgressAccept})
	}

	for _, op := range arpOperations() {
		b.flow(TableIngressGuard, prioAnswers, terms(of.EthType.Is(of.EthTypeARP), op), output)
	}
	b.flow(TableIngressGuard, prioAnswers, nd(of.ICMPv6NeighborSolicit), output)
	b.flow(TableIngressGuard, prioAnswers, nd(of.ICMPv6NeighborAdvert), output)
	for _, typ := range []uint64{of.ICMPv6NeighborSolicit, of.ICMPv6NeighborAdvert, of.ICMPv6RouterSolicit, of.ICMPv6RouterAdvert} {
		b.flow(TableIngressGuard, prioNotForHosts, icmp6(typ)) // RS: for routers; RA: only from gateways, segmentParts
	}
	b.flow(TableIngressGuard, prioNotForHosts, icmp4(of.ICMPRouterAdvert))
	b.flow(TableIngressGuard, prioAnswers, dhcp(of.EthTypeIPv4, 67, 68), output)
	b.flow(TableIngressGuard, prioAnswers, dhcp(of.EthTypeIPv6, 547, 546), output)
	judge := of.CT{ZoneField: regZone, Table: TableIngressState}
	for _, eth := range ipTypes() {
		b.flow(TableIngressGuard, prioIngressPart, terms(eth, isFragment()), markFragment(), judge)
		b.flow(TableIngressGuard, prioIngressJudged, terms(eth), judge)
	}
}

// The steps of egress-nd: 0 looks at the source. Each kind of message has one of its
// own, for what looks at a target has a megaflow made for each.
const (
	ndAdvertised = 1 // whose target has to be the NIC's
	ndDuplicate  = 2 // so has that of duplicate address detection
	ndTarget     = 3 // the first of the walk that has a solicitation's target be one
)

// readableParts drops solicitations without a target: it reads as :: if the message
// cannot be read, and then its options have not been checked. What is one goes on to
// have its source looked at.
func readableParts(b *builder) {
	solicit := nd(of.ICMPv6NeighborSolicit)
	w := walk{table: TableEgressND, prio: prioNDUnreadable, at: solicit, field: of.NDTarget, next: ndTarget + 1}
	w.compare(b, ndTarget, branchOf(host(netip.IPv6Unspecified())))
	for n := uint64(ndTarget); n < w.next; n++ {
		b.flow(TableEgressND, prioNDReadable, append(slices.Clip(solicit), regProfile.Is(n)), step(TableEgressND, 0)...)
	}
	// What asks from :: for another's address is a solicitation like others, from ::.
	b.flow(TableEgressND, prioNDOthers, append(slices.Clip(solicit), regProfile.Is(ndDuplicate)), step(TableEgressND, ndTarget)...)
	b.flow(TableEgressND, prioNDOthers, nd(of.ICMPv6NeighborAdvert, regProfile.Is(ndAdvertised))) // not for the flow that counts link-local addresses
}

// stagePipeline is the fixed part of judging in one direction.
func stagePipeline(b *builder, s stage) {
	state := func(prio uint16, set, clear uint64, acts ...of.Action) {
		b.flow(s.state, prio, terms(ctState(set, clear)), acts...)
	}
	state(prioInvalid, of.CTInv, 0)
	if begins := s.begins(); begins == nil {
		knownPipeline(b, s, ctState(of.CTEst, of.CTNew|of.CTInv), of.Goto{Table: s.next})
		bothSendPipeline(b, s)
	} else {
		knownPipeline(b, s, ctState(of.CTEst|of.CTRpl, of.CTNew|of.CTInv), of.Goto{Table: s.next})
		knownPipeline(b, s, ctState(of.CTEst, of.CTNew|of.CTInv|of.CTRpl), append(begins, of.Goto{Table: s.next})...)
	}
	state(prioKnown, of.CTRel, of.CTNew|of.CTInv, of.Goto{Table: s.next})
	newPipeline(b, s)
	cutPipeline(b, s)
	fragmentPipeline(b, s)

	b.flow(s.address, prioNothing, nil, of.Goto{Table: s.rules})
	// OVS may overlook a complete conjunction in a table without this flow.
	b.flow(s.rules, prioNothing, nil)

	icmpPipeline(b, s)
	for _, eth := range ipTypes() { // ct() is for IP only
		b.flow(s.accept, prioAccept, terms(eth), accept(s)...)
	}
}

// knownPipeline has what is established pass. Of TCP it looks at SYN, which says nothing
// here: it is for the megaflows of what a SYN begins to have the mask that the SYN's has.
// Without threads of its own for packets (PMD), the userspace datapath goes through the
// masks of a port in the order in which they came up, so that one that a SYN alone has is
// in the way of all that follow it.
func knownPipeline(b *builder, s stage, known of.Term, acts ...of.Action) {
	b.flow(s.state, prioKnown, terms(known), acts...)
	for _, eth := range ipTypes() {
		b.flow(s.state, prioKnownTCP, terms(known, eth, of.IPProto.Is(of.ProtoTCP), of.TCPFlags.IsMasked(0, of.TCPSyn)), acts...)
	}
}

// accept commits a whole packet's connection, on a clone (see fragment.go), and
// lets the packet on.
func accept(s stage) []of.Action {
	committed := of.Clone{Actions: []of.Action{commit(of.CopyField{Src: regRule, Dst: of.CTMark}, of.NoTable)}}
	return append([]of.Action{committed}, leave(s.next)...)
}

// commit puts a connection into the zone of the NIC that is being judged.
func commit(mark of.Action, table int, more ...of.Action) of.Action {
	return of.CT{Commit: true, ZoneField: regZone, Table: table, Exec: append([]of.Action{mark, clearCut()}, more...)}
}

// leave goes on from a stage. The registers are cleared so that they do not
// live across the next ct().
func leave(next uint8) []of.Action {
	var out []of.Action
	for _, r := range append([]of.Field{regProfile, regDomain, regRule, regFragment}, labels()...) {
		out = append(out, load(r, 0))
	}
	return append(out, of.Goto{Table: next})
}

func labels() []of.Field {
	out := make([]of.Field, labelRegisters)
	for i := range out {
		out[i] = regLabel + of.Field(i)
	}
	return out
}
