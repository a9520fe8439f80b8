package ofrules

import (
	"encoding/binary"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
)

// WatchCookie under KindMask is in the cookies of all flows of Watch and Probe;
// the id is the one of the Watch.
const WatchCookie = CookieOwner | uint64(KindWatch)<<40

// watchLen is how much of a packet is reported: its headers.
const watchLen = 192

// Watch reports the packets from and to a NIC that are dropped. Each of its flows has a
// priority just above a flow that drops, or above the table's miss, and drops as well, so
// that it changes no verdict, whatever the rules are meanwhile. At the ends of the any and
// address tables it depends on the profile whether packets are dropped; there the flows of
// the watch send them on to a later table, in which nothing matches them.
//
// The flows are not part of a Compiler's set: who installs them gives them a
// timeout, and puts them in again while somebody looks.
type Watch struct {
	ID     uint32 // in cookies and reports
	OFPort uint32 // of the NIC
	Ready  bool   // the NIC has its flows
	Meter  uint32 // that reports pass; what it holds back is dropped unreported
}

// Flows returns the flows of the watch.
func (w Watch) Flows() []of.Flow {
	b := watchBuilder{watch: w, above: watchAbove}
	b.drops()
	return b.flows
}

// watchBuilder collects flows that report.
type watchBuilder struct {
	watch Watch
	above uint16    // how far they stand above what drops
	only  []of.Term // no other packets are reported
	side  side
	flows []of.Flow
}

// side is what a NIC does with the packets that are reported.
type side uint8

const (
	sideBoth side = iota
	sideEgress
	sideIngress
)

func (b *watchBuilder) drops() {
	in, out := of.InPort.Is(uint64(b.watch.OFPort)), regOut.Is(uint64(b.watch.OFPort))
	ip := ipTypes()
	b.drop(DropVLANTag, TableEntry, prioEntryTagged, in, tagged())
	if !b.watch.Ready { // else nothing untagged ends there
		b.drop(DropNotReady, TableEntry, prioNothing, in)
	}
	b.drop(DropSpoofed, TableEgressMAC, prioNothing, in)
	for _, typ := range []of.Term{ip[0], ip[1], of.EthType.Is(of.EthTypeARP)} {
		b.drop(DropSpoofed, TableEgressGuard, prioSpoofed, in, typ)
	}
	for _, table := range linkLocalTables() {
		b.drop(DropSpoofed, table, prioLinkLocal, in, ip[1], anyLinkLocal())
	}
	b.drop(DropGuard, TableEgressGuard, prioNothing, in)
	b.drop(DropSpoofed, TableEgressARP, prioNothing, in)
	b.drop(DropSpoofed, TableEgressND, prioNothing, in)
	b.drop(DropUndelivered, TableDeliver, prioNothing, in)
	b.drop(DropGuard, TableIngressGuard, prioNothing, out)
	for _, p := range pipelineParts() {
		if p.acts.IsDrop() {
			nic := in
			if p.key.Table > TableDeliver {
				nic = out
			}
			b.drop(dropAt(p.key.Table, p.key.Priority), p.key.Table, p.key.Priority, append(p.key.Match.Terms(), nic)...)
		}
	}
	for _, s := range []struct {
		stage stage
		port  of.Term
	}{{egressStage(), in}, {ingressStage(), out}} {
		b.drop(DropNotReady, s.stage.nic, prioNothing, s.port)
		b.drop(DropFragment, s.stage.fragment, prioNothing, s.port)
		b.add(s.stage.any, prioProfile, []of.Action{of.Goto{Table: s.stage.address}}, s.port)
		b.add(s.stage.address, prioProfile, []of.Action{of.Goto{Table: s.stage.rules}}, s.port)
	}
}

func (b *watchBuilder) drop(why DropReason, table uint8, prio uint16, match ...of.Term) {
	egress := table <= TableDeliver
	if table > TableEgressInvalid && table < TableEgressAccept || table > TableIngressInvalid && table < TableIngressAccept {
		match = append(match, regAsk.Is(0)) // the packet itself passes
	}
	b.add(table, prio, []of.Action{b.report(Report{ID: b.watch.ID, Drop: why, Egress: egress})}, match...)
}

func (b *watchBuilder) report(r Report) of.Action {
	return of.Controller{MaxLen: watchLen, Reason: of.ReasonAction, Meter: b.watch.Meter, UserData: r.bytes()}
}

// add puts a flow above a priority, if it is on the side that matters.
func (b *watchBuilder) add(table uint8, prio uint16, actions []of.Action, match ...of.Term) {
	if egress := table <= TableDeliver; b.side == sideEgress && !egress || b.side == sideIngress && egress {
		return
	}
	b.addAt(table, prio+b.above, actions, match...)
}

func (b *watchBuilder) addAt(table uint8, prio uint16, actions []of.Action, match ...of.Term) {
	match, ok := narrow(match, b.only)
	if !ok {
		return
	}
	k := key(table, prio, match...)
	b.flows = append(b.flows, of.Flow{
		Table: k.Table, Priority: k.Priority, Match: k.Match, Cookie: WatchCookie | uint64(b.watch.ID), Actions: of.MustActions(actions...),
	})
}

// narrow adds the terms of only to a match; false if no packet matches both. The match may
// have a prefix of an address in only.
func narrow(match, only []of.Term) (both []of.Term, ok bool) {
	both = slices.Clone(match)
next:
	for _, t := range only {
		for i, m := range match {
			if m.Field() == t.Field() {
				if !narrows(t, m) {
					return nil, false
				}
				both[i] = t
				continue next
			}
		}
		both = append(both, t)
	}
	return both, true
}

// narrows reports whether every packet that matches t matches m, too; both are about one
// field.
func narrows(t, m of.Term) bool {
	inner, is := t.Prefix()
	outer, too := m.Prefix()
	return t == m || is && too && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// Report is what a flow of a watch tells of a packet.
type Report struct {
	ID     uint32     // of the watch
	Drop   DropReason // 0: it was not dropped there
	Egress bool       // on behalf of the NIC as the sender
}

// reportMark begins the user data of the flows that report, as others may have
// flows with user data of their own.
const reportMark = 0x52

func (r Report) bytes() []byte {
	return append(binary.BigEndian.AppendUint32([]byte{reportMark, byte(r.Drop)}, r.ID), map[bool]byte{true: 1}[r.Egress])
}

// ParseReport reads the user data of a packet-in, or of a flow's Controller
// action; false if it is no report.
func ParseReport(userData []byte) (Report, bool) {
	if len(userData) != 7 || userData[0] != reportMark || userData[1] >= byte(len(dropTexts)) {
		return Report{}, false
	}
	return Report{binary.BigEndian.Uint32(userData[2:]), DropReason(userData[1]), userData[6] == 1}, true
}
