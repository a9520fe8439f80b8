// Package impact says what a change of the policy concerns: whose flows change,
// and which open connections may have lost what allowed them. It is told here
// once, for the sweep that a host makes of its open connections, for the hosts
// that an answer waits for, and for the effects and the cut connections that a
// dry run counts. It does no I/O.
//
// What is allowed is a matter of two ends, and each end judges for itself: by its
// NIC's own record and network, by the rules of the groups that judge the NIC, and
// by who is a member of the groups that these rules name. So:
//
//   - An Impact holds every NIC of which one of these changes. A host applies a
//     change by looking after its own NICs; whoever waits for a change waits for
//     the hosts that have one of the Impact.
//   - Its Loss holds, for each such NIC, the connections that its end may refuse
//     from now on.
//   - A connection that passes no more is refused by one of its ends. That end is in
//     the Impact, and if the NIC was there before, the connection is in the Loss.
//
// TestWhateverCeasesIsConcerned holds this against package verdict. When in doubt
// something is concerned: a host then looks once for nothing.
package impact

import (
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Policy is the policy before or after a change, as *secgroup.Snapshot has it.
type Policy interface {
	verdict.Policy
	NIC(id string) *secgroup.NIC
	NICsOfAccount(account string) []*secgroup.NIC
	NICsOfNetwork(id string) []*secgroup.NIC
	NICsOfInstance(secgroup.InstanceRef) []*secgroup.NIC
	NICsByAddress(domain string, a netip.Addr) []*secgroup.NIC
	AttachmentsOfGroup(secgroup.GroupRef) []secgroup.Attachment
	RulesReferencing(secgroup.GroupRef) []secgroup.RuleRef
}

// Impact says which NICs a change concerns, without listing them one by one
// where a group does. The zero value concerns nobody.
type Impact struct {
	All    bool                           // every NIC: the baseline changed
	NICs   map[string]struct{}            // by themselves: their record, network or groups changed, or they came or went
	Groups map[secgroup.GroupRef]struct{} // the NICs that these judge: their rules changed, or name a group whose members did
	Loss   Loss
}

// AddNIC adds one NIC.
func (i *Impact) AddNIC(id string) { Put(&i.NICs, id) }

// AddGroup adds all NICs that a group judges.
func (i *Impact) AddGroup(g secgroup.GroupRef) { Put(&i.Groups, g) }

// Concerns reports whether a NIC is in the impact. s is the policy after the change. A NIC
// that it does not have any more is in the impact if that names its id.
func (i *Impact) Concerns(s Policy, id string) bool {
	if _, direct := i.NICs[id]; direct || i.All {
		return true
	}
	n := s.NIC(id)
	return n != nil && judgedByOne(s, n, i.Groups)
}

// Overlaps reports whether two impacts name a NIC or a group in common.
func (i *Impact) Overlaps(o *Impact) bool {
	return common(i.NICs, o.NICs) || common(i.Groups, o.Groups)
}

// judgedByOne reports whether at least one of some groups judges n.
func judgedByOne(s verdict.Policy, n *secgroup.NIC, groups map[secgroup.GroupRef]struct{}) bool {
	if len(groups) == 0 {
		return false
	}
	for _, e := range s.EffectiveGroups(n) {
		if _, ok := groups[e.Group]; ok {
			return true
		}
	}
	return false
}

// Put adds k to a set, which is made if it is nil.
func Put[K comparable](set *map[K]struct{}, k K) {
	if *set == nil {
		*set = map[K]struct{}{}
	}
	(*set)[k] = struct{}{}
}

// common reports whether two sets have an element in common.
func common[K comparable](a, b map[K]struct{}) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	for k := range a {
		if _, both := b[k]; both {
			return true
		}
	}
	return false
}
