package plan

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Cascade says what may go with a group that is deleted.
type Cascade struct{ Attachments, References bool }

// DeleteGroup deletes a group, and what uses it as far as cascade says. A
// group of the account whose egress would become open because its only egress
// rules named the deleted group is pinned to egress_policy listed.
func DeleteGroup(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, cascade Cascade) (Result, error) {
	old := s.Group(ref)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	if old.IsDefault {
		return Result{}, &Conflict{CodeDefaultGroup, "the default group cannot be deleted", nil}
	}
	deps := attached(s, ref)
	foreign := slices.ContainsFunc(deps, func(d Dependent) bool { return d.Account != "" })
	if len(deps) > 0 && (foreign || !cascade.Attachments) {
		return Result{}, &Conflict{CodeGroupInUse, "the group is attached; cascade=attachments detaches it, but not from NICs of other accounts", deps}
	}
	users, err := referencingGroups(s, ref, cascade)
	if err != nil {
		return Result{}, err
	}
	for _, a := range s.AttachmentsOfGroup(ref) {
		d.delete(secgroup.AttachmentKey(a))
	}
	for _, user := range users {
		d.put(d.withoutReferences(user, ref))
	}
	d.delete(old.Key())
	return d.finish(old.Key(), false)
}

// referencingGroups returns the other groups whose rules name ref, if the
// cascade may change them: those of another account it may not.
func referencingGroups(s *secgroup.Snapshot, ref secgroup.GroupRef, cascade Cascade) ([]*secgroup.Group, error) {
	var users []*secgroup.Group
	foreign := false
	for _, r := range s.RulesReferencing(ref) {
		if r.Group == ref {
			continue
		}
		foreign = foreign || r.Group.Account != ref.Account
		if g := s.Group(r.Group); !slices.Contains(users, g) {
			users = append(users, g)
		}
	}
	if len(users) > 0 && (foreign || !cascade.References) {
		return nil, &Conflict{CodeGroupReferenced, "rules of other groups name the group; cascade=references deletes them, but not those of other accounts",
			referencing(s, ref)}
	}
	return users, nil
}

// withoutReferences returns g without its rules that name ref.
func (d *draft) withoutReferences(g *secgroup.Group, ref secgroup.GroupRef) *secgroup.Group {
	left := d.withRules(g, slices.DeleteFunc(slices.Clone(g.Rules), func(r secgroup.Rule) bool { return r.RemoteGroup == ref }))
	if secgroup.EgressRestricts(g) && !secgroup.EgressRestricts(left) {
		left.EgressPolicy = secgroup.EgressListed
	}
	return left
}

// withRules returns g with other rules, which are sorted.
func (d *draft) withRules(g *secgroup.Group, rules []secgroup.Rule) *secgroup.Group {
	changed := *g
	changed.Rules, changed.UpdatedAt, changed.Revision = rules, d.req.Now, 0
	return &changed
}
