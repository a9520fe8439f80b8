package plan

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Inert says why r can match nothing, "" if it can.
func (v *View) Inert(r *secgroup.Rule) string {
	switch {
	case r.CTInvalid():
		return secgroup.InertCTInvalid
	case r.RemoteGroup == (secgroup.GroupRef{}) || !r.RemoteCIDR.IsValid() || v.hasMemberIn(r.RemoteGroup, r.RemoteCIDR):
		return ""
	}
	return secgroup.InertEmptyIntersection
}

// hasMemberIn reports whether a member of g has an address in p, in whatever routing domain.
func (v *View) hasMemberIn(g secgroup.GroupRef, p netip.Prefix) bool {
	is := func(n *secgroup.NIC) bool {
		return n != nil && v.Domain(n) != "" && v.Judges(g, n) && slices.ContainsFunc(secgroup.MemberAddresses(n), p.Contains)
	}
	moved := v.moved()
	for n := range v.base.MembersIn(g, p) {
		if _, other := moved[n.ID]; !other && is(n) {
			return true
		}
	}
	for id := range moved {
		if is(v.NIC(id)) {
			return true
		}
	}
	for k := range v.over {
		// NICs may be there before their network is, and get a domain with it.
		if k.Kind == secgroup.KindNetwork && slices.ContainsFunc(v.base.NICsOfNetwork(k.ID), func(n *secgroup.NIC) bool { return is(v.NIC(n.ID)) }) {
			return true
		}
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
			if d.after.Inert(&group.Rules[i]) != "" {
				found = append(found, group.Ref(&group.Rules[i]))
			}
		}
	}
	for g := range d.Members {
		for _, ref := range d.after.RulesReferencing(g) {
			if r := d.after.Group(ref.Group).Rule(ref.ID); r != nil && d.after.Inert(r) != "" {
				found = append(found, ref)
			}
		}
	}
	slices.SortFunc(found, secgroup.RuleRef.Compare)
	return slices.Compact(found)
}
