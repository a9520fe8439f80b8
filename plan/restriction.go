package plan

import "github.com/ringfence/ringfence/secgroup"

// EgressRestriction says which group makes a NIC egress-restricted.
type EgressRestriction struct {
	Group secgroup.GroupRef
	Rule  string // the egress rule that does it in an "auto" group, or ""
}

// EgressRestricted reports whether n is egress-restricted (docs/semantics.md §3)
// and by what: the first such group in the order of EffectiveGroups.
func EgressRestricted(s *secgroup.Snapshot, n *secgroup.NIC) (because EgressRestriction, restricted bool) {
	return EgressRestrictedBy(s, s.EffectiveGroups(n))
}

// EgressRestrictedBy is EgressRestricted for who knows the groups that judge the NIC.
func EgressRestrictedBy(s *secgroup.Snapshot, groups []secgroup.Effective) (because EgressRestriction, restricted bool) {
	for _, e := range groups {
		if g := s.Group(e.Group); g != nil && secgroup.EgressRestricts(g) {
			return EgressRestriction{e.Group, secgroup.RestrictingRule(g)}, true
		}
	}
	return EgressRestriction{}, false
}
