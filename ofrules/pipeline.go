// Package ofrules compiles security groups into OpenFlow: the flows on a host
// are a pure function of (the policy at one revision, the NICs on that host).
// Compiler keeps that function's value up to date at a cost that follows the
// change, not the state. It does no I/O and reads no clock.
//
// The gap between the two models, and what bridges it:
//
//   - A rule may name a group and a CIDR, a group has any number of addresses,
//     and a port range is not a mask. A flow matches one mask a field. So an
//     address is first turned into labels (the remote groups it belongs to, in
//     up to four registers), and a rule becomes a conjunction of a label
//     clause, a prefix clause and a service clause.
//   - OpenFlow has one flow for one match at one priority. Rules that need the
//     same clause flow share it: its actions are the union of their
//     conjunction() actions. FlowSet merges such parts.
//   - Ids in flows are 32-bit numbers; names are not. Numbers are hashes of the
//     names, so that they depend on no history (see numbers).
package ofrules

import of "github.com/ringfence/ringfence/openflow"

// The pipeline. A frame enters at 0; every arrow but the two ct() leaves for a
// higher table.
//
//	0 entry ── from the uplink, or from an unfiltered NIC ────────────┐
//	│ from a NIC: untagged                                            │
//	5 egress-mac: its own source MAC                                  │
//	10 egress-guard ── DHCP of its own ───────────────────────────────┤
//	│ 11 egress-arp: who an ARP message is from ──────────────────────┤
//	│ 12 egress-nd: target and source of an ND message ───────────────┤
//	│ IP from one of its own addresses                                │
//	│ ct(zone of the source NIC)                                      │
//	20 egress-state ── established, related ──────────────────────────┤
//	│ new, or 22 egress-invalid: not tracked, or a SYN once more      │
//	25 egress-nic ── unrestricted ───────────┐                        │
//	30 egress-any        remote = everything ┤                        │
//	35 egress-address    labels of nw_dst    │                        │
//	40 egress-rules ─────────────────────────┤                        │
//	45 egress-accept     ct(commit, mark = the rule's number) ────────┤
//	47 egress-fragment   of a datagram that was committed ────────────┤
//	50 deliver  ←─────────────────────────────────────────────────────┘
//	│ byte by byte, the destination MAC in the segment; unknown → the uplink
//	52 local    a known one: its NIC
//	55 flood    broadcast and multicast: every NIC of the segment, and the uplink
//	60 ingress-guard ── ARP, ND, DHCP ────────────────────────────────┐
//	│ ct(zone of the destination NIC)                                 │
//	70 ingress-state … 97 ingress-fragment, as for egress; nw_src ────┤
//	100 output  ←─────────────────────────────────────────────────────┘
//
// Whatever matches nothing is dropped: the bridge is fail_mode=secure and no
// table has a permissive miss.
const (
	TableEntry          = 0
	TableEgressMAC      = 5
	TableEgressGuard    = 10
	TableEgressARP      = 11
	TableEgressND       = 12
	TableEgressState    = 20
	TableEgressInvalid  = 22
	TableEgressNIC      = 25
	TableEgressAny      = 30
	TableEgressAddress  = 35
	TableEgressRules    = 40
	TableEgressAccept   = 45
	TableEgressFrag     = 47
	TableDeliver        = 50
	TableLocal          = 52
	TableFlood          = 55
	TableIngressGuard   = 60
	TableIngressState   = 70
	TableIngressInvalid = 72
	TableIngressNIC     = 75
	TableIngressAny     = 80
	TableIngressAddr    = 85
	TableIngressRules   = 90
	TableIngressAccept  = 95
	TableIngressFrag    = 97
	TableOutput         = 100
)

// TableNames returns the name of every table, for Flow_Table rows in OVSDB and
// for traces.
func TableNames() map[uint8]string {
	return map[uint8]string{
		TableEntry:          "entry",
		TableEgressMAC:      "egress-mac",
		TableEgressGuard:    "egress-guard",
		TableEgressARP:      "egress-arp",
		TableEgressND:       "egress-nd",
		TableEgressState:    "egress-state",
		TableEgressInvalid:  "egress-invalid",
		TableEgressNIC:      "egress-nic",
		TableEgressAny:      "egress-any",
		TableEgressAddress:  "egress-address",
		TableEgressRules:    "egress-rules",
		TableEgressAccept:   "egress-accept",
		TableEgressFrag:     "egress-fragment",
		TableDeliver:        "deliver",
		TableLocal:          "local",
		TableFlood:          "flood",
		TableIngressGuard:   "ingress-guard",
		TableIngressState:   "ingress-state",
		TableIngressInvalid: "ingress-invalid",
		TableIngressNIC:     "ingress-nic",
		TableIngressAny:     "ingress-any",
		TableIngressAddr:    "ingress-address",
		TableIngressRules:   "ingress-rules",
		TableIngressAccept:  "ingress-accept",
		TableIngressFrag:    "ingress-fragment",
		TableOutput:         "output",
	}
}

// The registers. Those above regOut are set after a ct() and cleared before
// the next: what lives across a ct() multiplies recirculation ids. regBegun does
// live across the second.
const (
	regSegment  = of.Reg0  // the L2 segment of the frame: (VLAN, routing domain)
	regZone     = of.Reg1  // conntrack zone of the NIC being judged, 16 bits
	regOut      = of.Reg2  // ofport of the destination NIC; until it is found, how much of its MAC is
	regProfile  = of.Reg3  // the set of groups that judge the NIC; until it is judged, how far a loop has got
	regDomain   = of.Reg4  // routing domain of the NIC
	regRule     = of.Reg5  // number of the rule that admits: goes to ct_mark
	regFragment = of.Reg6  // 1: it came as a fragment, see fragment.go
	regProbe    = of.Reg7  // 1: a probe that was reported as it left egress, see Probe
	regLabel    = of.Reg8  // first of labelRegisters labels of the remote address
	regLabelN   = of.Reg11 // last
	regBegun    = of.Reg12 // 1: the sender began its connection, see bothsend.go
	regAsk      = of.Reg13 // why a packet is judged that does not pass by it, see PickUp
	regSender   = of.Reg14 // in_port, while the receiver's is in its place, see answers
)

const labelRegisters = 4

// stage is the half of the pipeline that judges one direction.
type stage struct {
	state, invalid, nic, any, address, rules, accept, fragment uint8
	next                                                       uint8 // where an accepted packet goes
	remote4, remote6                                           of.Field
}

func egressStage() stage {
	return stage{TableEgressState, TableEgressInvalid, TableEgressNIC, TableEgressAny, TableEgressAddress, TableEgressRules, TableEgressAccept, TableEgressFrag,
		TableDeliver, of.IPv4Dst, of.IPv6Dst}
}

func ingressStage() stage {
	return stage{TableIngressState, TableIngressInvalid, TableIngressNIC, TableIngressAny, TableIngressAddr, TableIngressRules, TableIngressAccept, TableIngressFrag,
		TableOutput, of.IPv4Src, of.IPv6Src}
}
