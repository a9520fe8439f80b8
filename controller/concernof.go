package controller

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// follow applies changes to s and adds what they may take away. A NIC of
// concern is so at the addresses that it had and at those that it has now.
func (c *concern) follow(s *secgroup.Snapshot, rev int64, changes []secgroup.Change) secgroup.Touched {
	b := before{s: s, nics: map[string]struct{}{}, concern: c}
	for _, ch := range changes {
		b.note(ch)
	}
	for id := range b.nics {
		c.addPlaces(s, id)
	}
	touched := s.Apply(rev, changes)
	for id := range b.nics {
		c.nics[id] = struct{}{}
		c.addPlaces(s, id)
	}
	return touched
}

func (c *concern) addPlaces(s *secgroup.Snapshot, nic string) {
	n := s.NIC(nic)
	if n == nil {
		return
	}
	domain := s.Domain(n)
	for _, a := range secgroup.MemberAddresses(n) {
		c.places[place{domain, a}] = struct{}{}
	}
}

// before works out what changes may take away from the policy as it was before
// them. Whatever they say of objects that are not there yet, or gone by the end,
// it errs on the side of concern.
type before struct {
	s       *secgroup.Snapshot
	nics    map[string]struct{} // that lose something, or gain a judge
	concern *concern
}

func (b *before) note(ch secgroup.Change) {
	switch old := b.s.Get(ch.Key).(type) {
	case *secgroup.Group:
		now, _ := ch.Object.(*secgroup.Group)
		b.group(old, now)
	case *secgroup.Attachment:
		if ch.Object == nil {
			b.add(b.attached(*old)...)
		}
	case *secgroup.NIC:
		b.nics[old.ID] = struct{}{}
		if now, _ := ch.Object.(*secgroup.NIC); now != nil && old.Enforcement == secgroup.EnforcementOff && now.Enforcement != secgroup.EnforcementOff {
			b.concern.filtered[old.ID] = struct{}{}
		}
	case *secgroup.Network:
		now, _ := ch.Object.(*secgroup.Network)
		if now == nil || now.RoutingDomain != old.RoutingDomain {
			b.add(b.s.NICsOfNetwork(old.ID)...)
		}
	case *secgroup.Baseline:
		now, _ := ch.Object.(*secgroup.Baseline)
		b.baseline(old, now)
	case nil:
		b.created(ch.Object)
	}
}

// created handles objects that were not there. A NIC makes its addresses judged;
// a group or its first attachment ends the membership in the default group.
func (b *before) created(o secgroup.Object) {
	switch now := o.(type) {
	case *secgroup.NIC:
		b.nics[now.ID] = struct{}{}
	case *secgroup.Network:
		b.add(b.s.NICsOfNetwork(now.ID)...)
	case *secgroup.Group:
		b.members(now.GroupRef)
		if now.IsDefault {
			b.add(b.s.NICsOfAccount(now.Account)...)
		}
	case *secgroup.Attachment:
		g := b.s.Group(now.Group)
		for _, n := range b.attached(*now) {
			if g == nil || secgroup.EgressRestricts(g) || b.byDefault(n) {
				b.add(n)
			}
		}
	}
}

// byDefault tells whether n is judged by its account's default group for want
// of another.
func (b *before) byDefault(n *secgroup.NIC) bool {
	e := b.s.EffectiveGroups(n)
	return len(e) > 0 && e[0].Via == secgroup.ViaDefault
}

func (b *before) group(old, now *secgroup.Group) {
	scope := now == nil || old.NetworkScope != now.NetworkScope || !slices.Equal(old.Networks, now.Networks)
	if scope { // members come and go, also from the default group
		b.members(old.GroupRef)
	}
	if now == nil || old.IsDefault != now.IsDefault {
		b.members(old.GroupRef)
		b.add(b.s.NICsOfAccount(old.Account)...)
	}
	if now == nil || !secgroup.EgressRestricts(old) && secgroup.EgressRestricts(now) || losesRules(old, now) {
		b.concern.groups[old.GroupRef] = struct{}{}
	}
}

// members adds those that a group judges or would judge if its scope let it.
func (b *before) members(g secgroup.GroupRef) {
	for _, a := range b.s.AttachmentsOfGroup(g) {
		b.add(b.attached(a)...)
	}
	b.add(b.s.MemberNICs(g)...)
}

// losesRules tells whether some enabled rule of old is not in now as it was.
func losesRules(old, now *secgroup.Group) bool {
	for _, r := range old.Rules {
		if !r.Enabled {
			continue
		}
		if n := now.Rule(r.ID); n == nil || !n.Enabled || !secgroup.SameContent(r, *n) {
			return true
		}
	}
	return false
}

func (b *before) baseline(old, now *secgroup.Baseline) {
	for _, a := range old.Addresses {
		a.Description = ""
		same := func(o secgroup.BaselineAddress) bool { o.Description = ""; return o == a }
		if now == nil || !slices.ContainsFunc(now.Addresses, same) {
			b.concern.all = true
		}
	}
}

func (b *before) add(nics ...*secgroup.NIC) {
	for _, n := range nics {
		b.nics[n.ID] = struct{}{}
	}
}

// attached returns the NICs that an attachment is about.
func (b *before) attached(a secgroup.Attachment) []*secgroup.NIC {
	if a.NIC == "" {
		return b.s.NICsOfInstance(secgroup.InstanceRef{Account: a.Group.Account, ID: a.Instance})
	}
	if n := b.s.NIC(a.NIC); n != nil {
		return []*secgroup.NIC{n}
	}
	return nil
}
