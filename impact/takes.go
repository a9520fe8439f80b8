package impact

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// The functions here say whether a change takes something away. When in doubt
// they say yes.

// takesNIC compares two states of a NIC that is there in both, as to its own
// record and its network's. Addresses that are added take nothing away, but may
// tell who began a connection that was in doubt.
func takesNIC(old, now state) bool {
	a, b := old.nic, now.nic
	addressing := old.network == nil || now.network == nil || !sameAddressing(old.network, now.network)
	return addressing || a.Network != b.Network || a.MAC != b.MAC || a.DHCPServer && !b.DHCPServer ||
		filteredAnew(a, b) ||
		!slices.Equal(a.Addresses, b.Addresses) || !slices.Equal(a.AllowedAddresses, b.AllowedAddresses)
}

// takesRules compares two states of a group: an enabled rule went or is another
// one, or egress is restricted that was not.
func takesRules(old, now *secgroup.Group) bool {
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

// takesBaseline compares two baselines, nil for none.
func takesBaseline(old, now *secgroup.Baseline) bool {
	return slices.ContainsFunc(old.Addresses, func(a secgroup.BaselineAddress) bool {
		return now == nil || !slices.ContainsFunc(now.Addresses, func(n secgroup.BaselineAddress) bool {
			return n.Address == a.Address && n.Protocol == a.Protocol && n.Port == a.Port
		})
	})
}
