package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// RuleSet is a whole set of rules as given. A rule without an id takes that of
// a rule of the same content in the group, or a new one. Rules of the same
// content of which none or one has an id are one rule, as they would be if
// they were posted one after the other.
type RuleSet struct {
	At    string // the set's place in the request, RFC 6901: "/rules"
	Rules []secgroup.Rule
}

// ruleSet turns a given set into the rules of group ref, which had others.
func (d *draft) ruleSet(ref secgroup.GroupRef, had []secgroup.Rule, given RuleSet) []secgroup.Rule {
	rules := make([]secgroup.Rule, 0, len(given.Rules))
	seen := map[string]bool{}
	for i := range given.Rules {
		r := given.Rules[i]
		at := fmt.Sprintf("%s/%d", given.At, i)
		d.rule(at, ref, &r)
		if r.ID == "" {
			continue
		}
		if seen[r.ID] {
			d.fault(at+"/id", secgroup.CodeInvalidValue, "another rule of the set has this id")
		}
		seen[r.ID] = true
		rules = append(rules, settle(r, find(had, r.ID)))
	}
	for i := range given.Rules {
		r := given.Rules[i]
		r.Normalize()
		if r.ID != "" || findContent(rules, r) != nil {
			continue
		}
		old := findContent(had, r)
		if old != nil && !seen[old.ID] {
			r.ID = old.ID
		} else {
			r.ID, old = d.NewID(), nil
		}
		seen[r.ID] = true
		rules = append(rules, settle(r, old))
	}
	return sortRules(rules)
}

// rule normalises and validates one rule of group ref, which is at a pointer
// in the request.
func (d *draft) rule(at string, ref secgroup.GroupRef, r *secgroup.Rule) {
	single := r.PortMax == 0
	r.Normalize()
	checked := *r
	if checked.ID == "" {
		checked.ID = "new" // to be named
	}
	faults := checked.Validate()
	if single { // port_max is what Normalize made of port_min
		faults = slices.DeleteFunc(faults, func(f secgroup.Fault) bool { return f.Pointer == "/port_max" })
	}
	d.add(at, faults)
	remote := r.RemoteGroup
	if remote == (secgroup.GroupRef{}) || remote == ref {
		return
	}
	if remote.Account != ref.Account || d.s.Group(remote) == nil {
		d.fault(at+"/remote_group", secgroup.CodeRemoteGroupNotFound, "there is no such group in the account")
	}
}

// settle gives a written rule what the caller does not decide: its origin and
// revision. old is the rule whose place it takes, or nil.
func settle(r secgroup.Rule, old *secgroup.Rule) secgroup.Rule {
	r.Origin, r.Revision = secgroup.OriginUser, 0
	if old == nil {
		return r
	}
	if secgroup.SameContent(r, *old) {
		r.Origin = old.Origin
	}
	if sameRule(r, *old) {
		r.Revision = old.Revision
	}
	return r
}

func find(rules []secgroup.Rule, id string) *secgroup.Rule {
	if i := slices.IndexFunc(rules, func(r secgroup.Rule) bool { return r.ID == id }); i >= 0 {
		return &rules[i]
	}
	return nil
}

func findContent(rules []secgroup.Rule, r secgroup.Rule) *secgroup.Rule {
	if i := slices.IndexFunc(rules, func(o secgroup.Rule) bool { return secgroup.SameContent(o, r) }); i >= 0 {
		return &rules[i]
	}
	return nil
}

func sortRules(rules []secgroup.Rule) []secgroup.Rule {
	slices.SortFunc(rules, func(a, b secgroup.Rule) int { return cmp.Compare(a.ID, b.ID) })
	return rules
}
