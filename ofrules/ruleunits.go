package ofrules

import (
	"github.com/ringfence/ringfence/secgroup"
)

// chunkRules is how many conjunctions of a profile share a priority. A flow
// holds about 4,000 conjunction actions; beyond that a profile's rules are
// spread over several priorities by their numbers, so that no flow has too many.
const chunkRules = 2000

func chunks(clauses int) int { return 1 + (clauses-1)/chunkRules }

func ruleUnitKey(p *profile, name string) unitKey {
	return unitKey{kind: KindClause, profile: p.number, name: name}
}

// addRule makes a rule act in a profile, unless it is disabled or the profile's
// egress is not restricted.
func (c *Compiler) addRule(p *profile, g secgroup.GroupRef, r secgroup.Rule) {
	if !r.Enabled || r.Direction == secgroup.Egress && !p.restricted {
		return
	}
	u := &ruleUnit{profile: p, rule: r, name: ruleName(g, r.ID)}
	c.numbers.rules.acquire(u.name)
	k := ruleUnitKey(p, u.name)
	if r.RemoteGroup != (secgroup.GroupRef{}) {
		u.label = c.acquireLabel(r.RemoteGroup, dirOf(r.Direction), k)
	}
	c.shared.units[k] = u
	c.pending.units[k] = struct{}{}
	c.countRule(u, 1)
}

// removeRule undoes addRule.
func (c *Compiler) removeRule(p *profile, g secgroup.GroupRef, id string) {
	k := ruleUnitKey(p, ruleName(g, id))
	u := c.shared.units[k]
	if u == nil {
		return
	}
	c.countRule(u, -1)
	delete(c.shared.units, k)
	delete(c.pending.units, k)
	c.set.setUnit(k, nil)
	if u.label != nil {
		c.releaseLabel(u.label, dirOf(u.rule.Direction), k)
	}
	c.numbers.rules.release(u.name)
}

// countRule keeps a profile's rule counts; n is 1 or -1.
func (c *Compiler) countRule(u *ruleUnit, n int) {
	dir := dirOf(u.rule.Direction)
	counts := &u.profile.rules[dir]
	c.pending.profiles[u.profile] = struct{}{}
	prefix := u.rule.RemoteCIDR.IsValid() && u.rule.RemoteCIDR.Bits() > 0
	if u.label != nil {
		counts.group += n
	} else if prefix {
		counts.cidr += n
	}
	was := *counts
	if (u.label != nil || prefix) && u.rule.Protocol == secgroup.ProtocolAll {
		counts.all += n
	}
	if u.label == nil && !prefix && u.rule.PortMin > 0 {
		counts.ports += n
	}
	if counts.byService() != was.byService() {
		c.recompileRules(u.profile, dir)
	}
	if !needsConjunction(u.rule) {
		return
	}
	if c.shared.accepts[u.name] += n; c.shared.accepts[u.name] == 0 {
		delete(c.shared.accepts, u.name)
	}
	c.pending.accepts[u.name] = struct{}{}
	before := chunks(counts.clauses)
	if counts.clauses += n; chunks(counts.clauses) != before {
		c.recompileRules(u.profile, dir)
	}
}

// recompileRules has all rules of a profile in one direction compiled again.
func (c *Compiler) recompileRules(p *profile, dir int) {
	for k, u := range c.shared.units {
		if u.profile == p && dirOf(u.rule.Direction) == dir {
			c.pending.units[k] = struct{}{}
		}
	}
}

// acquireLabel takes a rule unit's reference on the label of a group.
func (c *Compiler) acquireLabel(g secgroup.GroupRef, dir int, k unitKey) *label {
	l := c.shared.labels[g]
	if l == nil {
		l = &label{group: g, number: c.numbers.labels.acquire(groupName(g))}
		c.shared.labels[g] = l
		c.shared.labelUsers[l] = map[unitKey]struct{}{}
	}
	c.shared.labelUsers[l][k] = struct{}{}
	if l.refs[dir]++; l.refs[dir] == 1 {
		c.pending.labels[l] = struct{}{}
	}
	return l
}

func (c *Compiler) releaseLabel(l *label, dir int, k unitKey) {
	delete(c.shared.labelUsers[l], k)
	if l.refs[dir]--; l.refs[dir] == 0 {
		c.pending.labels[l] = struct{}{}
	}
}

// compileRules compiles the rule units that changed and the ends of their
// conjunctions.
func (c *Compiler) compileRules() {
	for k := range c.pending.units {
		u := c.shared.units[k]
		dir := dirOf(u.rule.Direction)
		in := ruleInput{rule: u.rule, number: c.numbers.rules.of(u.name), profile: u.profile.number, byService: u.profile.rules[dir].byService()}
		if u.label != nil {
			in.label = u.label.number
			in.composites = c.shared.addrs.containing(dir, u.label)
		}
		if n := chunks(u.profile.rules[dir].clauses); n > 1 {
			in.chunk = uint16(in.number % uint32(n))
		}
		c.set.setUnit(k, ruleParts(in))
		if needsConjunction(u.rule) {
			c.set.setUnit(unitKey{kind: KindRule, name: u.name}, []part{acceptPart(u.rule.Direction, in.number)})
		}
	}
	for name := range c.pending.accepts {
		if c.shared.accepts[name] == 0 {
			c.set.setUnit(unitKey{kind: KindRule, name: name}, nil)
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
