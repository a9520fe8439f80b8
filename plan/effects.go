package plan

import (
	"maps"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Effects says what a mutation does to others than the object it writes.
type Effects struct {
	Impact                 Impact
	EgressBecameOpen       []string // NICs, sorted
	EgressBecameRestricted []string // NICs, sorted
	InertRules             []secgroup.RuleRef
}

// Impact says which NICs a change concerns, without listing them one by one
// where a group does: NICs whose own record or groups changed; NICs judged by
// a group whose rules changed, or whose rules name a group whose membership
// changed.
type Impact struct {
	NICs   map[string]struct{}            // by themselves
	Groups map[secgroup.GroupRef]struct{} // the NICs that these judge
	All    bool                           // every NIC: the baseline changed
	// TakesAway: something that was allowed may not be any more, so hosts with
	// NICs in Domains judge their open connections again.
	TakesAway bool
	Domains   map[string]struct{} // routing domains of NICs, before and after; those of Groups are left to the reader
}

func (i *Impact) nic(id string) {
	if i.NICs == nil {
		i.NICs = map[string]struct{}{}
	}
	i.NICs[id] = struct{}{}
}

func (i *Impact) group(g secgroup.GroupRef) {
	if i.Groups == nil {
		i.Groups = map[secgroup.GroupRef]struct{}{}
	}
	i.Groups[g] = struct{}{}
}

func (i *Impact) domain(d string) {
	if d == "" {
		return
	}
	if i.Domains == nil {
		i.Domains = map[string]struct{}{}
	}
	i.Domains[d] = struct{}{}
}

// diff compares a snapshot with the same one after changes.
type diff struct {
	before, after *View
	changes       []secgroup.Change
	out           Effects
	members       map[secgroup.GroupRef]struct{} // groups whose membership changed
	rules         map[secgroup.GroupRef]struct{} // groups whose rules or policy changed
}

// ImpactOf says whom changes to s concern.
func ImpactOf(s *secgroup.Snapshot, changes []secgroup.Change) Impact {
	d := compare(s, changes)
	return d.out.Impact
}

func effectsOf(s Policy, changes []secgroup.Change) Effects {
	d := compare(s, changes)
	d.inert()
	return d.out
}

func compare(s Policy, changes []secgroup.Change) *diff {
	before := viewOf(s)
	d := &diff{
		before: before, after: before.with(changes), changes: changes,
		members: map[secgroup.GroupRef]struct{}{}, rules: map[secgroup.GroupRef]struct{}{},
	}
	for _, c := range changes {
		d.change(c)
	}
	for id := range d.after.moved() {
		d.nic(id)
	}
	for g := range d.members {
		for _, v := range []*View{d.before, d.after} {
			for _, ref := range v.RulesReferencing(g) {
				d.out.Impact.group(ref.Group)
			}
		}
	}
	for g := range d.rules {
		d.out.Impact.group(g)
	}
	d.egress()
	d.domains()
	return d
}

// change handles one change as far as it is not a matter of a NIC's groups.
func (d *diff) change(c secgroup.Change) {
	switch c.Key.Kind {
	case secgroup.KindBaseline:
		d.out.Impact.All = true
		if takesBaseline(d.before.Baseline(), d.after.Baseline()) {
			d.out.Impact.TakesAway = true
		}
	case secgroup.KindNetwork:
		old, new := d.before.Network(c.Key.ID), d.after.Network(c.Key.ID)
		if old != nil && new != nil && sameWire(old, new) {
			return
		}
		for _, n := range d.before.NICsOfNetwork(c.Key.ID) {
			d.out.Impact.nic(n.ID)
			d.out.Impact.TakesAway = true
			for _, e := range d.before.EffectiveGroups(n) {
				d.members[e.Group] = struct{}{}
			}
		}
	case secgroup.KindGroup:
		ref := secgroup.GroupRef{Account: c.Key.Account, ID: c.Key.ID}
		old, new := d.before.Group(ref), d.after.Group(ref)
		if old == nil && new == nil || old != nil && new != nil && samePolicy(old, new) {
			return
		}
		d.rules[ref] = struct{}{}
		if takesRules(old, new) {
			d.out.Impact.TakesAway = true
		}
	}
}

// nic handles a NIC whose record or groups may have changed.
func (d *diff) nic(id string) {
	old, new := d.before.NIC(id), d.after.NIC(id)
	if old == nil && new == nil {
		return
	}
	var was, is []secgroup.GroupRef
	if old != nil {
		was = groupsOf(d.before, old)
	}
	if new != nil {
		is = groupsOf(d.after, new)
	}
	record := old == nil || new == nil || !sameNIC(old, new)
	if !record && slices.Equal(was, is) {
		return
	}
	d.out.Impact.nic(id)
	addressed := old == nil || new == nil || d.before.Domain(old) != d.after.Domain(new) ||
		!slices.Equal(secgroup.MemberAddresses(old), secgroup.MemberAddresses(new))
	for _, g := range was {
		if addressed || !slices.Contains(is, g) {
			d.members[g] = struct{}{}
		}
		if !slices.Contains(is, g) {
			d.out.Impact.TakesAway = true
		}
	}
	for _, g := range is {
		if addressed || !slices.Contains(was, g) {
			d.members[g] = struct{}{}
		}
	}
	if old != nil && record && takesNIC(d.before, d.after, old, new) {
		d.out.Impact.TakesAway = true
	}
}

func groupsOf(v *View, n *secgroup.NIC) []secgroup.GroupRef {
	effective := v.EffectiveGroups(n)
	refs := make([]secgroup.GroupRef, len(effective))
	for i, e := range effective {
		refs[i] = e.Group
	}
	return refs
}

// egress finds the NICs whose egress became open or restricted. A NIC that
// came or went is not among them.
func (d *diff) egress() {
	nics := maps.Clone(d.out.Impact.NICs)
	for g := range d.rules {
		old, new := d.before.Group(g), d.after.Group(g)
		if old == nil || new == nil || secgroup.EgressRestricts(old) == secgroup.EgressRestricts(new) {
			continue // its members are among the moved ones, or nothing changes for them
		}
		for _, n := range d.after.MemberNICs(g) {
			if nics == nil {
				nics = map[string]struct{}{}
			}
			nics[n.ID] = struct{}{}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(nics)) {
		old, new := d.before.NIC(id), d.after.NIC(id)
		if old == nil || new == nil {
			continue
		}
		_, was := d.before.EgressRestricted(old)
		_, is := d.after.EgressRestricted(new)
		switch {
		case was && !is:
			d.out.EgressBecameOpen = append(d.out.EgressBecameOpen, id)
		case is && !was:
			d.out.EgressBecameRestricted = append(d.out.EgressBecameRestricted, id)
			d.out.Impact.TakesAway = true
		}
	}
}

// domains collects the routing domains of the NICs concerned by themselves.
func (d *diff) domains() {
	i := &d.out.Impact
	if !i.TakesAway || i.All {
		return
	}
	for id := range i.NICs {
		for _, v := range []*View{d.before, d.after} {
			if n := v.NIC(id); n != nil {
				i.domain(v.Domain(n))
			}
		}
	}
}
