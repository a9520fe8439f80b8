package impact

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// The functions here say whether a change takes something away. When in doubt
// they say yes.

// Loses compares two states of an end.
func (e End) Loses(now End) bool {
	return e.NIC != nil && (now.NIC == nil || takesNIC(e, now) ||
		slices.ContainsFunc(e.Groups, func(g secgroup.GroupRef) bool { return !slices.Contains(now.Groups, g) }) ||
		!e.Restricted && now.Restricted)
}

// takesNIC compares two states of a NIC that is there in both, as to its own
// record and its network's. Addresses that are added take nothing away, but may
// tell who began a connection that was in doubt.
func takesNIC(old, now End) bool {
	a, b := old.NIC, now.NIC
	addressing := old.Network == nil || now.Network == nil || !sameAddressing(old.Network, now.Network)
	return addressing || a.Network != b.Network || a.MAC != b.MAC || a.DHCPServer && !b.DHCPServer ||
		FilteredAnew(a, b) ||
		!slices.Equal(a.Addresses, b.Addresses) || !slices.Equal(a.AllowedAddresses, b.AllowedAddresses)
}

// TakesRules compares two states of a group: an enabled rule went or is another
// one, or egress is restricted that was not.
func TakesRules(old, now *secgroup.Group) bool {
	if !old.Closed && now.Closed || !secgroup.EgressRestricts(old) && secgroup.EgressRestricts(now) {
		return true
	}
	left := make(map[secgroup.Rule]struct{}, len(now.Rules))
	for _, r := range now.Rules {
		left[content(r)] = struct{}{}
	}
	return slices.ContainsFunc(old.Rules, func(r secgroup.Rule) bool {
		_, stays := left[content(r)]
		return r.Enabled && !stays
	})
}

// content is what a rule says, without what it is called.
func content(r secgroup.Rule) secgroup.Rule {
	r.ID, r.Description, r.Origin, r.Revision = "", "", "", 0
	return r
}

// TakesBaseline compares two baselines, nil for none.
func TakesBaseline(old, now *secgroup.Baseline) bool {
	return slices.ContainsFunc(old.Addresses, func(a secgroup.BaselineAddress) bool {
		return now == nil || !slices.ContainsFunc(now.Addresses, func(n secgroup.BaselineAddress) bool {
			return n.Address == a.Address && n.Protocol == a.Protocol && n.Port == a.Port
		})
	})
}
