package secgroup

import "slices"

// Ref names rule r of the group.
func (g *Group) Ref(r *Rule) RuleRef { return RuleRef{g.GroupRef, r.ID} }

// Rule returns the group's rule of that id, or nil.
func (g *Group) Rule(id string) *Rule {
	if i := slices.IndexFunc(g.Rules, func(r Rule) bool { return r.ID == id }); i >= 0 {
		return &g.Rules[i]
	}
	return nil
}

// EgressRestricts reports whether the group makes the NICs that it judges
// egress-restricted (docs/semantics.md §3): its policy is listed, or auto and it has
// an egress rule, enabled or not, besides the intra-group one. A policy that is
// not known restricts.
func EgressRestricts(g *Group) bool {
	switch g.EgressPolicy {
	case EgressOpen:
		return false
	case EgressAuto, "":
		return restricting(g) >= 0
	default:
		return true
	}
}

// RestrictingRule returns the id of the first rule that makes a group with the
// policy auto restrict; "" if none does, or if the policy alone decides.
func RestrictingRule(g *Group) string {
	if g.EgressPolicy != EgressAuto && g.EgressPolicy != "" {
		return ""
	}
	if i := restricting(g); i >= 0 {
		return g.Rules[i].ID
	}
	return ""
}

// restricting is the index of the first egress rule besides the intra-group one.
func restricting(g *Group) int {
	return slices.IndexFunc(g.Rules, func(r Rule) bool { return r.Direction == Egress && !intraGroup(g.GroupRef, &r) })
}

// intraGroup reports whether an egress rule of g is the one that lets a group's
// members talk to each other, by content.
func intraGroup(g GroupRef, r *Rule) bool {
	return r.Protocol == ProtocolAll && r.RemoteGroup == g && !r.RemoteCIDR.IsValid()
}

// DefaultRules returns the two rules that a group is created with: all from the
// group itself, all to the group itself. newID makes their ids.
func DefaultRules(g GroupRef, newID func() string) []Rule {
	rules := []Rule{
		{ID: newID(), Direction: Ingress},
		{ID: newID(), Direction: Egress},
	}
	for i := range rules {
		r := &rules[i]
		r.Family, r.Protocol, r.RemoteGroup = FamilyAny, ProtocolAll, g
		r.Enabled, r.Origin = true, OriginDefault
	}
	return rules
}

// SameContent reports whether two normalised rules of one group mean the same:
// they differ at most in id, description, origin and revision. A disabled rule
// is not the same as an enabled one, so that a rule which is found instead of
// made does what was asked for.
func SameContent(a, b Rule) bool {
	for _, r := range []*Rule{&a, &b} {
		r.ID, r.Description, r.Origin, r.Revision = "", "", "", 0
	}
	return a == b
}
