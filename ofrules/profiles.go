package ofrules

import (
	"slices"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// profile is what judges some local NICs by their set of groups. Its number stands in the
// rule flows, which these NICs share.
type profile struct {
	name       string // see groupSet
	number     uint32
	groups     []secgroup.GroupRef // sorted
	restricted bool                // egress-restricted
	rules      [2]ruleCounts       // by direction
}

// ruleCounts says what kinds of rules a profile has in one direction.
type ruleCounts struct {
	group   int // that name a group
	cidr    int // that name a prefix alone
	clauses int // that compile to a conjunction
	all     int // of every protocol that name a group or a prefix
	ports   int // that name ports, and no remote
}

// byService tells whether the any table goes by what the rules are about, see
// compileProfiles.
func (n ruleCounts) byService() bool { return n.all == 0 }

// apart tells whether a packet that no rule without a remote allows is tracked once more
// before its address is looked up. A megaflow is of one pass: else it would say that the
// port is none of theirs and the address no member's, and there would be one for each kind
// of ports and kind of addresses. It costs what begins a connection a pass.
func (n ruleCounts) apart() bool { return n.all > 0 && n.ports > 0 }

// groupUse is a group of some profile, as it was compiled last.
type groupUse struct {
	group    *secgroup.Group // nil if absent
	profiles map[*profile]struct{}
}

// ruleUnit is one rule in one profile.
type ruleUnit struct {
	profile *profile
	rule    secgroup.Rule
	name    string // of the rule
	label   *label // of its remote group, or nil
}

// Directions index arrays of two.
const (
	dirEgress = iota
	dirIngress
)

func dirOf(d secgroup.Direction) int {
	if d == secgroup.Egress {
		return dirEgress
	}
	return dirIngress
}

// profileOf returns the profile of a set, made or changed to be that.
func (c *Compiler) profileOf(s *span.Share, set *groupSet) *profile {
	name := set.profileName()
	p := c.shared.profiles[name]
	if p == nil {
		p = &profile{name: name, number: c.numbers.profiles.acquire(name)}
		c.shared.profiles[name] = p
		c.pending.profiles[p] = struct{}{}
	}
	c.setGroups(s, p, set.groups)
	return p
}

// setGroups has a profile judge by other groups than before. The rules of those that it
// keeps stay as they are.
func (c *Compiler) setGroups(s *span.Share, p *profile, groups []secgroup.GroupRef) {
	was := p.groups
	p.groups = groups
	added := without(groups, was)
	for _, g := range added {
		use := c.shared.groups[g]
		if use == nil {
			use = &groupUse{group: s.Groups[g], profiles: map[*profile]struct{}{}}
			c.shared.groups[g] = use
		}
		use.profiles[p] = struct{}{}
	}
	if was == nil {
		p.restricted = c.restricts(p)
	}
	c.eachRule(added, func(g secgroup.GroupRef, r secgroup.Rule) { c.addRule(p, g, r) })
	gone := without(was, groups)
	c.eachRule(gone, func(g secgroup.GroupRef, r secgroup.Rule) { c.removeRule(p, g, r.ID) })
	for _, g := range gone {
		use := c.shared.groups[g]
		if delete(use.profiles, p); len(use.profiles) == 0 {
			delete(c.shared.groups, g)
		}
	}
	c.syncRestricted(p)
}

// without returns those of some groups that are not among others.
func without(some, others []secgroup.GroupRef) []secgroup.GroupRef {
	return slices.DeleteFunc(slices.Clone(some), func(g secgroup.GroupRef) bool { return slices.Contains(others, g) })
}

// dropProfile forgets a profile that judges no NIC any more.
func (c *Compiler) dropProfile(s *span.Share, p *profile) {
	c.setGroups(s, p, nil)
	delete(c.shared.profiles, p.name)
	delete(c.pending.profiles, p)
	c.numbers.profiles.release(p.name)
	c.set.setUnit(unitKey{kind: KindProfile, profile: p.number}, nil)
}

// eachRule calls fn for the rules of some groups that are in use, as compiled last.
func (c *Compiler) eachRule(groups []secgroup.GroupRef, fn func(secgroup.GroupRef, secgroup.Rule)) {
	for _, g := range groups {
		if group := c.shared.groups[g].group; group != nil {
			for _, r := range group.Rules {
				fn(g, r)
			}
		}
	}
}

func (c *Compiler) restricts(p *profile) bool {
	for _, g := range p.groups {
		if group := c.shared.groups[g].group; group != nil && secgroup.EgressRestricts(group) {
			return true
		}
	}
	return false
}

// syncGroups follows the rules of the groups that changed.
func (c *Compiler) syncGroups(s *span.Share, d span.Delta) {
	for ref := range d.Groups {
		use := c.shared.groups[ref]
		if use == nil {
			continue
		}
		old, now := use.group, s.Groups[ref]
		if old == now {
			continue
		}
		use.group = now
		removed, added := diffRules(old, now)
		for p := range use.profiles {
			for _, r := range removed {
				c.removeRule(p, ref, r.ID)
			}
			for _, r := range added {
				c.addRule(p, ref, r)
			}
			c.syncRestricted(p)
		}
	}
}

// syncRestricted follows a profile that becomes egress-restricted, or no longer
// is: its egress rules come or go as a whole.
func (c *Compiler) syncRestricted(p *profile) {
	r := c.restricts(p)
	if r == p.restricted {
		return
	}
	c.eachRule(p.groups, func(g secgroup.GroupRef, rule secgroup.Rule) {
		if rule.Direction == secgroup.Egress && !r {
			c.removeRule(p, g, rule.ID)
		}
	})
	p.restricted = r
	c.pending.profiles[p] = struct{}{}
	c.eachRule(p.groups, func(g secgroup.GroupRef, rule secgroup.Rule) {
		if rule.Direction == secgroup.Egress && r {
			c.addRule(p, g, rule)
		}
	})
	for id, n := range c.local.nics {
		if n.set != nil && n.set.profile == p {
			c.pending.nics[id] = struct{}{}
		}
	}
}

// compileProfiles has the packets of a profile skip the tables that have nothing for it,
// because each field that a table matches becomes part of the megaflow. For the same
// reason packets are dropped as early as possible:
//
//   - in the any table, before the address is looked up, if no rule is about their service
//     from any address; with rules of every protocol the address is looked up in a pass
//     of its own instead, see apart;
//   - in the address table, before ports are looked up, if the address has no label; not
//     if there are rules with prefixes.
//
// So the number of megaflows of denied packets is the number of kinds of ports plus that
// of kinds of addresses, and not their product.
func (c *Compiler) compileProfiles() {
	for p := range c.pending.profiles {
		b := builder{cookie: cookie(KindProfile, p.number)}
		mine := terms(regProfile.Is(uint64(p.number)))
		for dir, st := range []stage{egressStage(), ingressStage()} {
			switch n := p.rules[dir]; {
			case dir == dirEgress && !p.restricted: // never gets there
			case n.group+n.cidr == 0:
				b.flow(st.any, prioProfile, mine)
			default:
				if n.byService() { // else the rules' own flows lead on
					b.flow(st.any, prioProfile, mine)
				} else {
					b.flow(st.any, prioProfile, mine, of.Goto{Table: st.address})
				}
				if n.apart() {
					apartFlows(&b, st, mine)
				}
				if n.group == 0 {
					b.flow(st.address, prioNoLabels, mine, of.Goto{Table: st.rules})
				} else if n.cidr == 0 {
					b.flow(st.address, prioProfile, mine)
				}
			}
		}
		c.set.setUnit(unitKey{kind: KindProfile, profile: p.number}, b.parts)
	}
}

// apartFlows look addresses up in a pass of their own. Not those of fragments, which wait
// in ct(), nor where somebody waits for the answer (PickUp).
func apartFlows(b *builder, st stage, mine []of.Term) {
	for _, eth := range ipTypes() {
		for _, proto := range []uint64{of.ProtoTCP, of.ProtoUDP} {
			b.flow(st.any, prioApart, append(slices.Clip(mine), eth, of.IPProto.Is(proto), regFragment.Is(0), regAsk.Is(0)), of.CT{ZoneField: regZone, Table: int(st.address)})
		}
	}
}
