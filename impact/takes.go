package impact

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// The functions here report whether a change may take something away that was allowed.
// When in doubt they report true.

// Loses reports whether a NIC's end may refuse now what e let pass.
func (e End) Loses(now End) bool {
	return e.NIC != nil && (now.NIC == nil || takesNIC(e, now) ||
		slices.ContainsFunc(e.Groups, func(g secgroup.GroupRef) bool { return !slices.Contains(now.Groups, g) }) ||
		!e.Restricted && now.Restricted)
}

// takesNIC does so for the record and the network of a NIC that is there before and after.
// An address that is added takes nothing away by itself, but may decide who began a
// connection of which that was in doubt (Ends), so it counts as well.
func takesNIC(old, now End) bool {
	a, b := old.NIC, now.NIC
	addressing := old.Network == nil || now.Network == nil || !sameAddressing(old.Network, now.Network)
	return addressing || a.Network != b.Network || a.MAC != b.MAC || a.DHCPServer && !b.DHCPServer ||
		FilteredAnew(a, b) ||
		!slices.Equal(a.Addresses, b.Addresses) || !slices.Equal(a.AllowedAddresses, b.AllowedAddresses)
}

// TakesRules reports whether a group lost or changed an enabled rule, was closed, or began to
// restrict egress.
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

// content is a rule without what has no effect on packets, to compare rules by.
func content(r secgroup.Rule) secgroup.Rule {
	r.ID, r.Description, r.Origin, r.Revision = "", "", "", 0
	return r
}

// TakesBaseline reports whether an address of the old baseline is not in the new one, which is
// nil if it was deleted.
func TakesBaseline(old, now *secgroup.Baseline) bool {
	return slices.ContainsFunc(old.Addresses, func(a secgroup.BaselineAddress) bool {
		return now == nil || !slices.ContainsFunc(now.Addresses, func(n secgroup.BaselineAddress) bool {
			return n.Address == a.Address && n.Protocol == a.Protocol && n.Port == a.Port
		})
	})
}
