package plan

import (
	"cmp"
	"iter"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// moved returns the ids of the NICs whose groups may be others in the view than
// in its base.
func (v *View) moved() map[string]struct{} {
	if v.dirty != nil {
		return v.dirty
	}
	changes := make([]secgroup.Change, 0, len(v.over))
	for k, o := range v.over {
		changes = append(changes, secgroup.Change{Key: k, Object: o})
	}
	v.dirty = impact.Moved(v.base, changes)
	return v.dirty
}

// EffectiveGroups returns G(n) of docs/semantics.md §2, sorted by reference.
func (v *View) EffectiveGroups(n *secgroup.NIC) []secgroup.Effective {
	if _, moved := v.moved()[n.ID]; !moved {
		return v.base.EffectiveGroups(n)
	}
	via := map[secgroup.GroupRef]secgroup.Via{}
	closed := false
	collect := func(as []secgroup.Attachment, how secgroup.Via) {
		for _, a := range as {
			closed = closed || v.closed(a)
			if g := v.Group(a.Group); g != nil && acts(g, n.Network) {
				via[a.Group] = how
			}
		}
	}
	if n.Instance != "" {
		collect(v.AttachmentsOfInstance(secgroup.InstanceRef{Account: n.Account, ID: n.Instance}), secgroup.ViaInstance)
	}
	collect(v.AttachmentsOfNIC(n.ID), secgroup.ViaNIC)
	if closed {
		return []secgroup.Effective{}
	}
	if len(via) == 0 {
		if g := v.DefaultGroup(n.Account); g != nil {
			via[g.GroupRef] = secgroup.ViaDefault
		}
	}
	all := make([]secgroup.Effective, 0, len(via))
	for g, how := range via {
		all = append(all, secgroup.Effective{Group: g, Via: how})
	}
	slices.SortFunc(all, func(a, b secgroup.Effective) int { return a.Group.Compare(b.Group) })
	return all
}

func acts(g *secgroup.Group, network string) bool {
	return g.NetworkScope != secgroup.ScopeListed || slices.Contains(g.Networks, network)
}

// closed reports whether an attachment of the view is closed.
func (v *View) closed(a secgroup.Attachment) bool {
	k := secgroup.AttachmentKey(a)
	o, over := v.over[k]
	if !over {
		o = v.base.Get(k)
	}
	at, ok := o.(*secgroup.Attachment)
	return ok && at.Closed
}

// Judges reports whether g ∈ G(n), and n is a member of g; see
// secgroup.Snapshot.Judges.
func (v *View) Judges(g secgroup.GroupRef, n *secgroup.NIC) bool {
	if group := v.Group(g); group != nil && group.Closed {
		return false
	}
	if _, moved := v.moved()[n.ID]; !moved {
		return v.base.Judges(g, n)
	}
	return slices.ContainsFunc(v.EffectiveGroups(n), func(e secgroup.Effective) bool { return e.Group == g })
}

// MemberNICs returns the NICs that g judges, sorted by id.
func (v *View) MemberNICs(g secgroup.GroupRef) []*secgroup.NIC {
	members := v.base.MemberNICs(g)
	if len(v.moved()) == 0 {
		return members
	}
	members = slices.DeleteFunc(members, func(n *secgroup.NIC) bool {
		_, moved := v.dirty[n.ID]
		return moved
	})
	for id := range v.dirty {
		if n := v.NIC(id); n != nil && v.Judges(g, n) {
			members = append(members, n)
		}
	}
	slices.SortFunc(members, func(a, b *secgroup.NIC) int { return cmp.Compare(a.ID, b.ID) })
	return members
}

// Members returns M(g): the addresses of the group's member NICs in their
// routing domains, sorted by domain, address and NIC.
func (v *View) Members(g secgroup.GroupRef) []secgroup.Member {
	return slices.SortedFunc(v.eachMember(g), secgroup.Member.Compare)
}

// FirstMembers returns the first n of M(g), sorted.
func (v *View) FirstMembers(g secgroup.GroupRef, n int) []secgroup.Member {
	return secgroup.FirstMembers(v.eachMember(g), n)
}

// eachMember yields M(g) in the order of the NICs.
func (v *View) eachMember(g secgroup.GroupRef) iter.Seq[secgroup.Member] {
	if len(v.over) == 0 {
		return v.base.EachMember(g)
	}
	return func(yield func(secgroup.Member) bool) {
		for _, n := range v.MemberNICs(g) {
			domain := v.Domain(n)
			if domain == "" {
				continue
			}
			for _, a := range secgroup.MemberAddresses(n) {
				if !yield(secgroup.Member{Domain: domain, Address: a, NIC: n.ID}) {
					return
				}
			}
		}
	}
}

// EgressRestriction says which group makes a NIC egress-restricted.
type EgressRestriction struct {
	Group secgroup.GroupRef
	Rule  string // the egress rule that does it in an "auto" group, or ""
}

// EgressRestricted reports whether n is egress-restricted (docs/semantics.md §3)
// and by what: the first such group in the order of EffectiveGroups.
func (v *View) EgressRestricted(n *secgroup.NIC) (because EgressRestriction, restricted bool) {
	return v.EgressRestrictedBy(v.EffectiveGroups(n))
}

// EgressRestrictedBy is EgressRestricted for who knows the groups that judge the NIC.
func (v *View) EgressRestrictedBy(groups []secgroup.Effective) (because EgressRestriction, restricted bool) {
	for _, e := range groups {
		g := v.Group(e.Group)
		if g == nil || !secgroup.EgressRestricts(g) {
			continue
		}
		return EgressRestriction{e.Group, secgroup.RestrictingRule(g)}, true
	}
	return EgressRestriction{}, false
}
