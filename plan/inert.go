package plan

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Inertness answers which rules can match nothing. It keeps what it looked up:
// use one for many rules of a view.
type Inertness struct {
	v       *View
	members map[secgroup.GroupRef][]netip.Addr // sorted
}

// NewInertness returns an Inertness of v.
func NewInertness(v *View) *Inertness {
	return &Inertness{v: v, members: map[secgroup.GroupRef][]netip.Addr{}}
}

// Of says why r can match nothing, "" if it can.
func (in *Inertness) Of(r *secgroup.Rule) string {
	if r.CTInvalid() {
		return secgroup.InertCTInvalid
	}
	if r.RemoteGroup == (secgroup.GroupRef{}) || !r.RemoteCIDR.IsValid() {
		return ""
	}
	addrs := in.of(r.RemoteGroup)
	i, _ := slices.BinarySearchFunc(addrs, r.RemoteCIDR.Addr(), netip.Addr.Compare)
	if i < len(addrs) && r.RemoteCIDR.Contains(addrs[i]) {
		return ""
	}
	return secgroup.InertEmptyIntersection
}

func (in *Inertness) of(g secgroup.GroupRef) []netip.Addr {
	addrs, ok := in.members[g]
	if !ok {
		for _, n := range in.v.MemberNICs(g) {
			if in.v.Domain(n) != "" {
				addrs = append(addrs, secgroup.MemberAddresses(n)...)
			}
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		in.members[g] = addrs
	}
	return addrs
}

// inert lists the rules that can match nothing after the change: those of the
// groups that changed, and those that name a group whose membership changed.
func (d *diff) inert() []secgroup.RuleRef {
	look := NewInertness(d.after)
	var found []secgroup.RuleRef
	for g := range d.Rules {
		group := d.after.Group(g)
		if group == nil {
			continue
		}
		for i := range group.Rules {
			if look.Of(&group.Rules[i]) != "" {
				found = append(found, group.Ref(&group.Rules[i]))
			}
		}
	}
	for g := range d.Members {
		for _, ref := range d.after.RulesReferencing(g) {
			if r := d.after.Group(ref.Group).Rule(ref.ID); r != nil && look.Of(r) != "" {
				found = append(found, ref)
			}
		}
	}
	slices.SortFunc(found, secgroup.RuleRef.Compare)
	return slices.Compact(found)
}
