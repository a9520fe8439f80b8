package secgroup

import (
	"cmp"
	"maps"
	"slices"
)

// Normalize fills in the defaults of a group and its rules. It keeps the order
// of the lists, to which the pointers of Validate's faults refer; Sort brings
// them to their stored order.
func (g *Group) Normalize() {
	g.EgressPolicy = cmp.Or(g.EgressPolicy, EgressAuto)
	g.NetworkScope = cmp.Or(g.NetworkScope, ScopeAny)
	for i := range g.Rules {
		g.Rules[i].Normalize()
	}
}

// Sort puts the rules and networks in their stored order. A network that is
// named twice is kept once.
func (g *Group) Sort() {
	slices.SortFunc(g.Rules, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(g.Networks)
	g.Networks = slices.Compact(g.Networks)
}

// Validate returns every fault of a normalised group and its rules. Networks
// may be named also while the scope is any; they are of no account then.
func (g Group) Validate() Faults {
	var f Faults
	f.check(ValidID(g.ID), idDetail, "id")
	f.check(ValidID(g.Account), idDetail, "account")
	f.check(printable(g.Name, 1, maxName), "name is 1-255 printable characters", "name")
	f.check(description(g.Description), "description is at most 1024 characters of printable text", "description")
	f.check(len(g.Tags) <= maxTags, "at most 50 tags", "tags")
	for _, k := range slices.Sorted(maps.Keys(g.Tags)) {
		f.check(printable(k, 1, maxTagKey), "a tag's key is 1-128 printable characters", "tags", k)
		f.check(printable(g.Tags[k], 0, maxTagValue), "a tag's value is at most 255 printable characters", "tags", k)
	}
	f.check(validPolicy(g.EgressPolicy), policyDetail, "egress_policy")
	f.check(g.NetworkScope == ScopeAny || g.NetworkScope == ScopeListed, "network_scope is any or listed", "network_scope")
	for i, n := range g.Networks {
		f.check(ValidID(n), idDetail, "networks", i)
	}
	seen := make(map[string]bool, len(g.Rules))
	for i, r := range g.Rules {
		f = append(f, r.Validate().At(Pointer("rules", i))...)
		f.check(!seen[r.ID], "another rule of the group has this id", "rules", i, "id")
		seen[r.ID] = true
	}
	return f
}

const policyDetail = "an egress policy is auto, listed or open"

func validPolicy(p EgressPolicy) bool {
	return p == EgressAuto || p == EgressListed || p == EgressOpen
}
