package plan

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Inert says why r can match nothing, "" if it can.
func Inert(s *secgroup.Snapshot, r *secgroup.Rule) string {
	switch {
	case r.CTInvalid():
		return secgroup.InertCTInvalid
	case r.RemoteGroup == (secgroup.GroupRef{}) || !r.RemoteCIDR.IsValid() || hasMemberIn(s, r.RemoteGroup, r.RemoteCIDR):
		return ""
	}
	return secgroup.InertEmptyIntersection
}

// hasMemberIn reports whether a member of g has an address in p, in whatever routing domain.
func hasMemberIn(s *secgroup.Snapshot, g secgroup.GroupRef, p netip.Prefix) bool {
	for range s.MembersIn(g, p) {
		return true
	}
	return false
}

// inert lists the rules that can match nothing after the change: those of the
// groups that changed, and those that name a group whose membership changed.
func (d *diff) inert() []secgroup.RuleRef {
	var found []secgroup.RuleRef
	for g := range d.Rules {
		group := d.after.Group(g)
		if group == nil {
			continue
		}
		for i := range group.Rules {
			if Inert(d.after, &group.Rules[i]) != "" {
				found = append(found, group.Ref(&group.Rules[i]))
			}
		}
	}
	for g := range d.Members {
		for _, ref := range d.after.RulesReferencing(g) {
			if r := d.after.Group(ref.Group).Rule(ref.ID); r != nil && Inert(d.after, r) != "" {
				found = append(found, ref)
			}
		}
	}
	slices.SortFunc(found, secgroup.RuleRef.Compare)
	return slices.Compact(found)
}
