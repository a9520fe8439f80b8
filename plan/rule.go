package plan

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// CreateRule adds a rule, unless the group has one of the same content: that
// is then the result's Rule, and Created is false.
func CreateRule(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, r secgroup.Rule) (Result, error) {
	d := begin(s, req)
	g := s.Group(ref)
	if g == nil {
		return Result{}, ErrNotFound
	}
	r.ID = ""
	d.rule("", ref, &r)
	d.static.AddGroup(ref)
	if old := findContent(g.Rules, r); old != nil && len(d.faults) == 0 {
		return d.finishRule(g, old.ID, false)
	}
	r.ID = d.req.NewID()
	return d.putRule(g, nil, r)
}

// PutRule makes the rule of that id, or replaces it.
func PutRule(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, r secgroup.Rule) (Result, error) {
	d := begin(s, req)
	g := s.Group(ref)
	if g == nil {
		return Result{}, ErrNotFound
	}
	old := find(g.Rules, r.ID)
	if err := d.req.Condition.check(tagOf(old)); err != nil {
		return Result{}, err
	}
	d.rule("", ref, &r)
	return d.putRule(g, old, r)
}

// ruleOf returns a rule and its group, nil if there is no such rule.
func ruleOf(s *secgroup.Snapshot, ref secgroup.GroupRef, id string) (g *secgroup.Group, r *secgroup.Rule) {
	if g = s.Group(ref); g != nil {
		r = find(g.Rules, id)
	}
	return g, r
}

// PatchRule replaces a rule with what edit makes of it.
func PatchRule(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, id string, edit func(*secgroup.Rule) (secgroup.Rule, secgroup.Faults)) (Result, error) {
	g, old := ruleOf(s, ref, id)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	r, faults := edit(old)
	r.ID = id
	d.add("", faults)
	d.rule("", ref, &r)
	return d.putRule(g, old, r)
}

// DeleteRule deletes a rule.
func DeleteRule(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, id string) (Result, error) {
	g, old := ruleOf(s, ref, id)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	d.put(d.withRules(g, slices.DeleteFunc(slices.Clone(g.Rules), func(r secgroup.Rule) bool { return r.ID == id })))
	return d.finishRule(g, id, false)
}

// PutRules replaces the whole set of a group's rules, the default ones included.
// The condition is on the group.
func PutRules(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, set RuleSet) (Result, error) {
	g := s.Group(ref)
	d, err := beginChange(s, req, g)
	if err != nil {
		return Result{}, err
	}
	d.replaceGroup(g, d.withRules(g, d.ruleSet(ref, g.Rules, set)))
	return d.finish(g.Key(), false)
}

// putRule puts a valid rule in the place of old, or besides the others if that is nil.
func (d *draft) putRule(g *secgroup.Group, old *secgroup.Rule, r secgroup.Rule) (Result, error) {
	if err := d.err(); err != nil {
		return Result{}, err
	}
	r = withOriginAndRevision(r, old)
	rules := make([]secgroup.Rule, 0, len(g.Rules)+1)
	for _, o := range g.Rules {
		if o.ID != r.ID {
			rules = append(rules, o)
		}
	}
	d.replaceGroup(g, d.withRules(g, sortRules(append(rules, r))))
	return d.finishRule(g, r.ID, old == nil)
}

func (d *draft) finishRule(g *secgroup.Group, id string, created bool) (Result, error) {
	r, err := d.finish(g.Key(), created)
	r.Rule = id
	return r, err
}
