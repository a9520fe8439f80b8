package impact

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Diff is the comparison of a policy before and after changes. Begin and End make it where
// the two policies are not there at the same time, Of makes it of both.
type Diff struct {
	Impact Impact // complete after End
	// Rules are the groups that came, went, or whose rules or egress policy changed;
	// Members are those whose members changed. Complete after End.
	Rules, Members map[secgroup.GroupRef]struct{}

	changes []secgroup.Change
	nics    map[string]state // all NICs that may change, as they were before
	groups  map[secgroup.GroupRef]*secgroup.Group
	lost    map[secgroup.GroupRef]struct{} // those of Members that lost some
}

// Of compares the policies before and after changes.
func Of(before, after Policy, changes []secgroup.Change) *Diff {
	d := Begin(before, changes)
	d.End(after)
	return d
}

// Begin notes of the policy before changes what End compares. It looks at no more than the
// NICs, groups and networks that the changes may affect.
func Begin(s Policy, changes []secgroup.Change) *Diff {
	d := &Diff{changes: changes, nics: map[string]state{}}
	for id := range Moved(s, changes) {
		d.nics[id] = stateOf(s, s.NIC(id))
	}
	for _, c := range changes {
		switch c.Key.Kind {
		case secgroup.KindNetwork:
			for _, n := range s.NICsOfNetwork(c.Key.ID) {
				d.nics[n.ID] = stateOf(s, n)
			}
		case secgroup.KindGroup:
			ref := secgroup.GroupRef{Account: c.Key.Account, ID: c.Key.ID}
			if d.groups == nil {
				d.groups = map[secgroup.GroupRef]*secgroup.Group{}
			}
			d.groups[ref] = s.Group(ref)
		case secgroup.KindBaseline:
			d.Impact.All = true
			now, _ := c.Object.(*secgroup.Baseline)
			d.Impact.Loss.All = d.Impact.Loss.All || TakesBaseline(s.Baseline(), now)
		case secgroup.KindAccount, secgroup.KindInstance, secgroup.KindNIC, secgroup.KindAttachment: // Moved has found their NICs
		}
	}
	return d
}

// End compares that with the policy after the changes, and returns what they concern.
func (d *Diff) End(s Policy) Impact {
	for id, old := range d.nics {
		d.nic(id, old, stateOf(s, s.NIC(id)))
	}
	for ref, old := range d.groups {
		d.group(ref, old, s.Group(ref))
	}
	for g := range d.Members {
		_, lost := d.lost[g]
		for _, r := range s.RulesReferencing(g) { // one that went is a matter of its group's rules
			d.Impact.AddGroup(r.Group)
			if lost {
				Put(&d.Impact.Loss.Named, r.Group)
			}
		}
	}
	return d.Impact
}

// nic compares what a NIC was before with what it is now.
func (d *Diff) nic(id string, old, now state) {
	if old.NIC == nil && now.NIC == nil {
		return
	}
	record := !SameNIC(old.NIC, now.NIC) || !SameNetwork(old.Network, now.Network)
	if !record && slices.Equal(old.Groups, now.Groups) && slices.Equal(old.member, now.member) {
		return
	}
	i := &d.Impact
	i.AddNIC(id)
	d.members(old, now)
	loses := old.Loses(now.End)
	if loses {
		Put(&i.Loss.NICs, id)
	}
	if FilteredAnew(old.NIC, now.NIC) {
		Put(&i.Loss.Filtered, id)
	}
	for _, p := range slices.Concat(old.addresses, now.addresses) {
		if loses || !slices.Contains(old.addresses, p) {
			Put(&i.Loss.EndAddresses, p)
		}
	}
}

// members notes which groups a NIC has joined, has left, or is a member of with other
// addresses, and which addresses it has left.
func (d *Diff) members(old, now state) {
	moved := !slices.Equal(old.addresses, now.addresses)
	for _, g := range now.member {
		if moved || !slices.Contains(old.member, g) {
			Put(&d.Members, g)
		}
	}
	for _, g := range old.member {
		stays := slices.Contains(now.member, g)
		if !moved && stays {
			continue
		}
		Put(&d.Members, g)
		for _, p := range old.addresses {
			if !stays || !slices.Contains(now.addresses, p) {
				Put(&d.lost, g)
				Put(&d.Impact.Loss.LeftAddresses, p)
			}
		}
	}
}

// group compares the rules and the egress policy of a group. Which NICs it judges is not
// looked at here: nic compares the groups of each NIC, also if a group came or went.
func (d *Diff) group(ref secgroup.GroupRef, old, now *secgroup.Group) {
	if old == nil && now == nil || old != nil && now != nil && samePolicy(old, now) {
		return
	}
	Put(&d.Rules, ref)
	d.Impact.AddGroup(ref)
	if old != nil && now != nil && TakesRules(old, now) {
		Put(&d.Impact.Loss.Groups, ref)
	}
}
