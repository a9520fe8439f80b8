package controller

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// concern says which open connections a change may have taken the ground from:
// those with an end at one of the places, or at a NIC that one of the groups
// judges. Changes that only add are of no concern.
type concern struct {
	all    bool
	places map[place]struct{}
	groups map[secgroup.GroupRef]struct{}
	// narrowed: flows went or were replaced, so that cached megaflows may still
	// let in what the tables do not.
	narrowed bool
}

// place is an address in a routing domain.
type place struct {
	domain string
	addr   netip.Addr
}

func newConcern() concern {
	return concern{places: map[place]struct{}{}, groups: map[secgroup.GroupRef]struct{}{}}
}

func (c *concern) empty() bool { return !c.all && len(c.places)+len(c.groups) == 0 }

// merge adds another concern.
func (c *concern) merge(o concern) {
	c.all = c.all || o.all
	c.narrowed = c.narrowed || o.narrowed
	maps.Copy(c.places, o.places)
	maps.Copy(c.groups, o.groups)
}

// note adds what one change may take away; s is the policy before it.
func (c *concern) note(s *secgroup.Snapshot, ch secgroup.Change) {
	switch old := s.Get(ch.Key).(type) {
	case *secgroup.Group:
		now, _ := ch.Object.(*secgroup.Group)
		c.noteGroup(s, old, now)
	case *secgroup.Attachment:
		if ch.Object == nil {
			c.addNICs(s, attached(s, *old))
		}
	case *secgroup.NIC:
		now, _ := ch.Object.(*secgroup.NIC)
		c.noteNIC(s, old, now)
	case *secgroup.Network:
		c.noteNetwork(s, old, ch.Object)
	case *secgroup.Baseline:
		c.all = true
	case nil:
		c.noteNew(s, ch.Object)
	}
}

// noteNew handles objects that were not there: a NIC makes its address judged,
// and a first attachment ends the membership in the default group.
func (c *concern) noteNew(s *secgroup.Snapshot, o secgroup.Object) {
	switch now := o.(type) {
	case *secgroup.NIC:
		c.noteNIC(s, nil, now)
	case *secgroup.Attachment:
		g := s.Group(now.Group)
		for _, n := range attached(s, *now) {
			e := s.EffectiveGroups(n)
			byDefault := len(e) > 0 && e[0].Via == secgroup.ViaDefault
			if byDefault || g == nil || secgroup.EgressRestricts(g) {
				c.addNICs(s, []*secgroup.NIC{n})
			}
		}
	}
}

func (c *concern) noteGroup(s *secgroup.Snapshot, old, now *secgroup.Group) {
	scope := now == nil || old.NetworkScope != now.NetworkScope || !slices.Equal(old.Networks, now.Networks)
	if scope { // members come and go, also from the default group
		for _, a := range s.AttachmentsOfGroup(old.GroupRef) {
			c.addNICs(s, attached(s, a))
		}
		c.addNICs(s, s.MemberNICs(old.GroupRef))
	}
	if now == nil || !secgroup.EgressRestricts(old) && secgroup.EgressRestricts(now) || losesRules(old, now) {
		c.groups[old.GroupRef] = struct{}{}
	}
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

func (c *concern) noteNIC(s *secgroup.Snapshot, old, now *secgroup.NIC) {
	for _, n := range []*secgroup.NIC{old, now} {
		if n != nil {
			c.addNICs(s, []*secgroup.NIC{n})
		}
	}
	if old != nil && len(old.AllowedAddresses) > 0 && (now == nil || !slices.Equal(old.AllowedAddresses, now.AllowedAddresses)) {
		c.all = true // a prefix is no place
	}
}

func (c *concern) noteNetwork(s *secgroup.Snapshot, old *secgroup.Network, o secgroup.Object) {
	now, _ := o.(*secgroup.Network)
	if now != nil && now.RoutingDomain == old.RoutingDomain {
		return
	}
	for _, n := range s.NICsOfNetwork(old.ID) {
		c.addPlaces(old.RoutingDomain, n)
		if now != nil {
			c.addPlaces(now.RoutingDomain, n)
		}
	}
}

func (c *concern) addNICs(s *secgroup.Snapshot, nics []*secgroup.NIC) {
	for _, n := range nics {
		c.addPlaces(s.Domain(n), n)
	}
}

func (c *concern) addPlaces(domain string, n *secgroup.NIC) {
	for _, a := range secgroup.MemberAddresses(n) {
		c.places[place{domain, a}] = struct{}{}
	}
	c.places[place{domain, n.MAC.LinkLocal()}] = struct{}{}
}

// attached returns the NICs that an attachment is about.
func attached(s *secgroup.Snapshot, a secgroup.Attachment) []*secgroup.NIC {
	if a.NIC == "" {
		return s.NICsOfInstance(secgroup.InstanceRef{Account: a.Group.Account, ID: a.Instance})
	}
	if n := s.NIC(a.NIC); n != nil {
		return []*secgroup.NIC{n}
	}
	return nil
}

// touches tells whether a connection in some routing domain is of concern.
func (c *concern) touches(s *secgroup.Snapshot, domain string, conn unixctl.Conn) bool {
	if c.all {
		return true
	}
	for _, a := range []netip.Addr{conn.Orig.Src, conn.Orig.Dst} {
		if _, ok := c.places[place{domain, a}]; ok {
			return true
		}
		if len(c.groups) == 0 {
			continue
		}
		for _, n := range s.NICsByAddress(domain, a) {
			for _, e := range s.EffectiveGroups(n) {
				if _, ok := c.groups[e.Group]; ok {
					return true
				}
			}
		}
	}
	return false
}
