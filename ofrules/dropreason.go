package ofrules

// DropReason is why a packet is dropped, as the flow that reports it says.
type DropReason uint8

// The reasons.
const (
	DropSpoofed     DropReason = iota + 1 // not the NIC's MAC or address
	DropVLANTag                           // a VLAN tag on a NIC's side
	DropNotReady                          // the NIC has no flows
	DropGuard                             // docs/semantics.md §4 lets nobody send or receive that
	DropInvalid                           // ct_state inv
	DropFragment                          // a fragment of a datagram that is not whole or was refused
	DropNoRule                            // judged, and no rule allows it
	DropUndelivered                       // the destination is nobody's, and there is no uplink
	DropCut                               // of a connection that nothing allows any more
)

var dropTexts = [...]struct{ name, detail string }{
	{},
	DropSpoofed:     {"spoofed", "the MAC or address is not the NIC's"},
	DropVLANTag:     {"vlan-tag", "a VM sends untagged frames only"},
	DropNotReady:    {"not-ready", "the NIC's flows are not installed"},
	DropGuard:       {"guard", "no VM may send or be sent this"},
	DropInvalid:     {"ct-invalid", "connection tracking makes no sense of the packet"},
	DropFragment:    {"fragment", "a fragment of a datagram that is not whole, or was refused"},
	DropNoRule:      {"no-rule", "no rule of the NIC's groups allows it"},
	DropUndelivered: {"not-delivered", "no NIC of this host has the destination MAC, and there is no uplink"},
	DropCut:         {"cut", "nothing allows this connection any more"},
}

// String is the reason as the API has it.
func (r DropReason) String() string {
	if int(r) < len(dropTexts) {
		return dropTexts[r].name
	}
	return ""
}

// Detail is the reason in words.
func (r DropReason) Detail() string {
	if int(r) < len(dropTexts) {
		return dropTexts[r].detail
	}
	return ""
}

// DroppedAt says why a packet was dropped that a flow of ours ended, or that nothing
// matched in a table (missed): the reason, and what is known in words, "" if no more.
func DroppedAt(table uint8, priority uint16, kind CookieKind, missed bool) (why DropReason, detail string) {
	switch {
	case !missed && kind == KindCut:
		return DropCut, DropCut.Detail()
	case !missed && kind == KindLinkLocal:
		return DropSpoofed, "the source address is not the NIC's"
	}
	switch table {
	case TableEntry:
		return DropNotReady, DropNotReady.Detail()
	case TableEgressMAC:
		return DropSpoofed, "not the NIC's MAC"
	case TableEgressARP:
		return DropSpoofed, "the sender's MAC or address is not the NIC's"
	case TableEgressGuard, TableEgressND:
		if missed || dropAt(table, priority) == DropSpoofed {
			return DropSpoofed, "the source address is not the NIC's"
		}
		return DropGuard, "no VM may send this"
	case TableIngressGuard:
		return DropGuard, "no VM is sent this"
	case TableEgressNIC, TableIngressNIC:
		return DropNotReady, DropNotReady.Detail()
	case TableDeliver, TableLocal, TableFlood, TableOutput:
		return DropUndelivered, ""
	case TableEgressState, TableIngressState, TableEgressInvalid, TableIngressInvalid, TableEgressAccept, TableIngressAccept:
		if why = DropInvalid; !missed {
			why = dropAt(table, priority)
		}
		return why, why.Detail()
	case TableEgressFrag, TableIngressFrag:
		return DropFragment, DropFragment.Detail()
	}
	return DropNoRule, ""
}

// dropAt says why the pipeline's fixed flows drop.
func dropAt(table uint8, priority uint16) DropReason {
	switch table {
	case TableEgressGuard, TableEgressND:
		if priority < prioForbidden {
			return DropSpoofed
		}
		return DropGuard
	case TableIngressGuard:
		return DropGuard
	case TableEgressRules, TableIngressRules:
		return DropNoRule
	case TableEgressAccept, TableIngressAccept, TableEgressInvalid, TableIngressInvalid:
		return DropInvalid
	case TableEgressState, TableIngressState:
		switch priority {
		case prioInvalid, prioNoSYN, prioWithCode:
			return DropInvalid
		case prioCut, prioCutFragment:
			return DropCut
		case prioNoServerFragment:
			return DropGuard
		}
	}
	return DropFragment
}
