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
	old, seen := indexOf(had), index{ids: map[string]int{}, contents: map[secgroup.Rule]int{}}
	take := func(r secgroup.Rule, was int) {
		var place *secgroup.Rule
		if was >= 0 {
			place = &had[was]
		}
		r = withOriginAndRevision(r, place)
		rules = append(rules, r)
		seen.add(len(rules)-1, r)
	}
	for i := range given.Rules {
		r := given.Rules[i]
		at := fmt.Sprintf("%s/%d", given.At, i)
		d.rule(at, ref, &r)
		if r.ID == "" {
			continue
		}
		if seen.id(r.ID) >= 0 {
			d.fault(at+"/id", secgroup.CodeInvalidValue, "another rule of the set has this id")
		}
		take(r, old.id(r.ID))
	}
	for i := range given.Rules {
		r := given.Rules[i]
		r.Normalize()
		if r.ID != "" || seen.content(r) >= 0 {
			continue
		}
		was := old.content(r)
		if was >= 0 && seen.id(had[was].ID) < 0 {
			r.ID = had[was].ID
		} else {
			r.ID, was = d.req.NewID(), -1
		}
		take(r, was)
	}
	return sortRules(rules)
}

// index finds rules by id and by content, -1 if there is none. Of several with
// one content it finds the first.
type index struct {
	ids      map[string]int
	contents map[secgroup.Rule]int
}

func indexOf(rules []secgroup.Rule) index {
	x := index{ids: make(map[string]int, len(rules)), contents: make(map[secgroup.Rule]int, len(rules))}
	for i, r := range rules {
		x.add(i, r)
	}
	return x
}

func (x index) add(i int, r secgroup.Rule) {
	x.ids[r.ID] = i
	if c := content(r); x.content(c) < 0 {
		x.contents[c] = i
	}
}

func (x index) id(id string) int {
	if i, ok := x.ids[id]; ok {
		return i
	}
	return -1
}

func (x index) content(r secgroup.Rule) int {
	if i, ok := x.contents[content(r)]; ok {
		return i
	}
	return -1
}

// content is the rule without what secgroup.SameContent passes over, so that
// two contents are equal if that says so of the rules.
func content(r secgroup.Rule) secgroup.Rule {
	r.ID, r.Description, r.Origin, r.Revision = "", "", "", 0
	return r
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
	if g := d.s.Group(remote); g == nil || !g.Allows(ref.Account, secgroup.UseReference) {
		d.fault(at+"/remote_group", secgroup.CodeRemoteGroupNotFound, "there is no such group in the account, and none of that name is shared with it")
	}
}

// withOriginAndRevision gives a written rule what the caller does not decide: its origin and
// revision. old is the rule whose place it takes, or nil.
func withOriginAndRevision(r secgroup.Rule, old *secgroup.Rule) secgroup.Rule {
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
