package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// GroupSpec is what a caller decides about a group.
type GroupSpec struct {
	Name         string
	Description  string
	Tags         map[string]string
	EgressPolicy secgroup.EgressPolicy // "" = the account's default when made, auto when replaced
	NetworkScope secgroup.NetworkScope // "" = listed if Networks is not empty, else any
	Networks     []string
	Rules        *RuleSet // nil: the rules stay as they are; a new group has none but the default ones
	DefaultRules *bool    // nil: a new group gets them, another keeps those it has
}

// CreateGroup makes a group with an id of the server's.
func CreateGroup(s *secgroup.Snapshot, req *Request, account string, spec GroupSpec) (Result, error) {
	d := begin(s, req)
	if err := d.account(account); err != nil {
		return Result{}, err
	}
	return d.putGroup(secgroup.GroupRef{Account: account, ID: d.req.NewID()}, nil, spec)
}

// PutGroup makes the group named ref, or replaces it. Its rules, as far as
// spec does not give them, are kept.
func PutGroup(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, spec GroupSpec) (Result, error) {
	d := begin(s, req)
	if err := d.account(ref.Account); err != nil {
		return Result{}, err
	}
	old := s.Group(ref)
	if err := d.req.Condition.check(tagOf(old)); err != nil {
		return Result{}, err
	}
	if !secgroup.ValidID(ref.ID) {
		d.fault("/id", secgroup.CodeInvalidValue, "an id is 1-64 of A-Z a-z 0-9 . _ -")
	}
	if old == nil && ref.ID == DefaultGroupID && s.DefaultGroup(ref.Account) == nil {
		// The write makes the account, whose default group has this id.
		return Result{}, &Conflict{CodeDefaultGroup, "the account's default group is made with the account", nil}
	}
	return d.putGroup(ref, old, spec)
}

// PatchGroup replaces a group with what edit makes of it.
func PatchGroup(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, edit func(*secgroup.Group) (GroupSpec, secgroup.Faults)) (Result, error) {
	old := s.Group(ref)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	spec, faults := edit(old)
	d.add("", faults)
	return d.putGroup(ref, old, spec)
}

func (d *draft) putGroup(ref secgroup.GroupRef, old *secgroup.Group, spec GroupSpec) (Result, error) {
	g := &secgroup.Group{
		GroupRef: ref, Name: spec.Name, Description: spec.Description, Tags: spec.Tags,
		EgressPolicy: spec.EgressPolicy, NetworkScope: spec.NetworkScope,
		Networks: slices.Compact(slices.Sorted(slices.Values(spec.Networks))), CreatedAt: d.req.Now, UpdatedAt: d.req.Now,
	}
	d.groupDefaults(g, old)
	for i, n := range spec.Networks {
		if d.s.Network(n) == nil {
			d.fault(fmt.Sprintf("/networks/%d", i), secgroup.CodeInvalidValue, "there is no such network")
		}
	}
	if g.NetworkScope == secgroup.ScopeAny && len(g.Networks) > 0 {
		d.fault("/networks", secgroup.CodeInvalidValue, "networks are for network_scope listed")
	}
	g.Rules = d.groupRules(g, old, spec)
	d.groupFaults(g)
	if err := d.err(); err != nil {
		return Result{}, err
	}
	if old != nil && old.IsDefault && g.Name != old.Name {
		return Result{}, &Conflict{CodeDefaultGroup, "the default group cannot be renamed", nil}
	}
	if other := d.s.GroupByName(ref.Account, g.Name); other != nil && other.ID != ref.ID ||
		old == nil && g.Name == DefaultGroupID {
		return Result{}, &Conflict{CodeNameTaken, "another group of the account has this name", nil}
	}
	d.replaceGroup(old, g)
	return d.finish(g.Key(), old == nil)
}

func (d *draft) groupDefaults(g, old *secgroup.Group) {
	if old != nil {
		g.IsDefault, g.CreatedAt, g.Shares = old.IsDefault, old.CreatedAt, old.Shares
	}
	if g.EgressPolicy == "" {
		g.EgressPolicy = secgroup.EgressAuto
		if a := d.s.Account(g.Account); old == nil && a != nil && a.EgressPolicyDefault != "" {
			g.EgressPolicy = a.EgressPolicyDefault
		}
	}
	if g.NetworkScope == "" {
		g.NetworkScope = secgroup.ScopeAny
		if len(g.Networks) > 0 {
			g.NetworkScope = secgroup.ScopeListed
		}
	}
}

// groupRules works out a written group's rules. Given rules take the place of
// the user's; the default ones are a matter of DefaultRules alone, so that the
// same PUT, done twice, ends the same.
func (d *draft) groupRules(g, old *secgroup.Group, spec GroupSpec) []secgroup.Rule {
	isDefault := func(r secgroup.Rule) bool { return r.Origin == secgroup.OriginDefault }
	var had, rules []secgroup.Rule
	if old != nil {
		had = old.Rules
	}
	if spec.DefaultRules != nil && !*spec.DefaultRules {
		// A given rule that says what a default one does is a rule of its own.
		had = slices.DeleteFunc(slices.Clone(had), isDefault)
	}
	if spec.Rules != nil {
		rules = d.ruleSet(g.GroupRef, had, *spec.Rules)
	}
	given := indexOf(rules)
	for _, r := range had {
		if (spec.Rules == nil || isDefault(r)) && given.id(r.ID) < 0 {
			rules = append(rules, r)
		}
	}
	switch {
	case spec.DefaultRules != nil && !*spec.DefaultRules:
		rules = slices.DeleteFunc(rules, isDefault)
	case spec.DefaultRules != nil || old == nil:
		for _, r := range secgroup.DefaultRules(g.GroupRef, d.req.NewID) {
			if !slices.ContainsFunc(rules, func(n secgroup.Rule) bool { return secgroup.SameContent(n, r) }) {
				rules = append(rules, r)
			}
		}
	}
	return sortRules(rules)
}

// groupFaults validates the group itself; its rules have been.
func (d *draft) groupFaults(g *secgroup.Group) {
	alone := *g
	alone.Rules = nil
	d.add("", alone.Validate())
}

// replaceGroup puts g in the place of old (nil: none) unless they are the same.
func (d *draft) replaceGroup(old, g *secgroup.Group) {
	d.static.AddGroup(g.GroupRef)
	if old != nil && sameGroup(old, g) {
		return
	}
	d.put(g)
}

func sameGroup(a, b *secgroup.Group) bool {
	return a.Name == b.Name && a.Description == b.Description && maps.Equal(a.Tags, b.Tags) &&
		a.IsDefault == b.IsDefault && a.EgressPolicy == b.EgressPolicy && a.NetworkScope == b.NetworkScope &&
		slices.Equal(a.Networks, b.Networks) && slices.EqualFunc(a.Rules, b.Rules, sameRule)
}

// sameRule reports whether two rules differ in nothing but their revision.
func sameRule(a, b secgroup.Rule) bool {
	a.Revision, b.Revision = 0, 0
	return a == b
}
