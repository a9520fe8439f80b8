package ofrules

import (
	"slices"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// profile is a set of groups that judges at least one local NIC, interned: NICs
// with the same groups share all rule flows.
type profile struct {
	name       string
	number     uint32
	groups     []secgroup.GroupRef // sorted
	refs       int                 // local NICs
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

// acquireProfile returns the profile of a set of groups for one more NIC.
func (c *Compiler) acquireProfile(s *span.Share, groups []secgroup.GroupRef) *profile {
	name := profileName(groups)
	p := c.shared.profiles[name]
	if p != nil {
		p.refs++
		return p
	}
	p = &profile{name: name, number: c.numbers.profiles.acquire(name), groups: groups, refs: 1}
	c.shared.profiles[name] = p
	c.pending.profiles[p] = struct{}{}
	for _, g := range groups {
		use := c.shared.groups[g]
		if use == nil {
			use = &groupUse{group: s.Groups[g], profiles: map[*profile]struct{}{}}
			c.shared.groups[g] = use
		}
		use.profiles[p] = struct{}{}
	}
	p.restricted = c.restricts(p)
	c.eachRule(p, func(g secgroup.GroupRef, r secgroup.Rule) { c.addRule(p, g, r) })
	return p
}

// releaseProfile gives back one NIC's use of a profile.
func (c *Compiler) releaseProfile(p *profile) {
	if p.refs--; p.refs > 0 {
		return
	}
	c.eachRule(p, func(g secgroup.GroupRef, r secgroup.Rule) { c.removeRule(p, g, r.ID) })
	for _, g := range p.groups {
		use := c.shared.groups[g]
		if delete(use.profiles, p); len(use.profiles) == 0 {
			delete(c.shared.groups, g)
		}
	}
	delete(c.shared.profiles, p.name)
	delete(c.pending.profiles, p)
	c.numbers.profiles.release(p.name)
	c.set.setUnit(unitKey{kind: KindProfile, profile: p.number}, nil)
}

// eachRule calls fn for the rules of a profile's groups, as compiled last.
func (c *Compiler) eachRule(p *profile, fn func(secgroup.GroupRef, secgroup.Rule)) {
	for _, g := range p.groups {
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
	c.eachRule(p, func(g secgroup.GroupRef, rule secgroup.Rule) {
		if rule.Direction == secgroup.Egress && !r {
			c.removeRule(p, g, rule.ID)
		}
	})
	p.restricted = r
	c.pending.profiles[p] = struct{}{}
	c.eachRule(p, func(g secgroup.GroupRef, rule secgroup.Rule) {
		if rule.Direction == secgroup.Egress && r {
			c.addRule(p, g, rule)
		}
	})
	for id, n := range c.local.nics {
		if n.profile == p {
			c.pending.nics[id] = struct{}{}
		}
	}
}

// diffRules compares by what matters to flows.
func diffRules(old, now *secgroup.Group) (removed, added []secgroup.Rule) {
	content := func(r secgroup.Rule) secgroup.Rule {
		r.Description, r.Origin, r.Revision = "", "", 0
		return r
	}
	was := map[string]secgroup.Rule{}
	if old != nil {
		for _, r := range old.Rules {
			was[r.ID] = r
		}
	}
	if now != nil {
		for _, r := range now.Rules {
			o, ok := was[r.ID]
			delete(was, r.ID)
			if ok && content(o) == content(r) {
				continue
			}
			if ok {
				removed = append(removed, o)
			}
			added = append(added, r)
		}
	}
	for _, r := range was {
		removed = append(removed, r)
	}
	return removed, added
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
