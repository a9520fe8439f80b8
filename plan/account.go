package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// DefaultGroupID is the id, and the name, of every account's default group.
const DefaultGroupID = "default"

// AccountSpec is what a caller decides about an account.
type AccountSpec struct {
	EgressPolicyDefault secgroup.EgressPolicy    // "" = auto
	EgressOpenGuard     secgroup.EgressOpenGuard // "" = allow
	Quotas              map[string]int
}

// PutAccount makes an account, with its default group, or replaces its settings.
func PutAccount(s *secgroup.Snapshot, req *Request, id string, spec AccountSpec) (Result, error) {
	old := s.Account(id)
	d, err := beginPut(s, req, old)
	if err != nil {
		return Result{}, err
	}
	d.putAccount(id, old, spec)
	return d.finish(secgroup.AccountKey(id), old == nil)
}

// PatchAccount replaces an account's settings with what edit makes of them.
func PatchAccount(s *secgroup.Snapshot, req *Request, id string, edit func(*secgroup.Account) (AccountSpec, secgroup.Faults)) (Result, error) {
	old := s.Account(id)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	spec, faults := edit(old)
	d.add("", faults)
	d.putAccount(id, old, spec)
	return d.finish(secgroup.AccountKey(id), false)
}

// DeleteAccount deletes an account that has nothing but its default group.
func DeleteAccount(s *secgroup.Snapshot, req *Request, id string) (Result, error) {
	old := s.Account(id)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	var deps []Dependent
	for _, n := range s.NICsOfAccount(id) {
		deps = append(deps, Dependent{NIC: n.ID})
	}
	for _, i := range s.Instances(id) {
		deps = append(deps, Dependent{Instance: i.ID})
	}
	if len(deps) > 0 {
		return Result{}, &Conflict{CodeInstanceInUse, "the account has instances or NICs", deps}
	}
	for _, g := range s.Groups(id) {
		if !g.IsDefault {
			deps = append(deps, Dependent{Group: g.ID})
		}
	}
	if len(deps) > 0 {
		return Result{}, &Conflict{CodeGroupInUse, "the account has security groups besides its default group", deps}
	}
	for _, g := range s.Groups(id) {
		if foreign := attached(s, g.GroupRef); len(foreign) > 0 {
			return Result{}, &Conflict{CodeGroupInUse, "the default group is attached to NICs of other accounts", foreign}
		}
		if foreign := referencing(s, g.GroupRef); len(foreign) > 0 {
			return Result{}, &Conflict{CodeGroupReferenced, "rules of other accounts name the default group", foreign}
		}
		d.delete(g.Key())
	}
	d.unshare(id)
	d.delete(old.Key())
	return d.finish(old.Key(), false)
}

func (d *draft) putAccount(id string, old *secgroup.Account, spec AccountSpec) {
	a := &secgroup.Account{
		ID: id, EgressPolicyDefault: spec.EgressPolicyDefault, EgressOpenGuard: spec.EgressOpenGuard,
		Quotas: spec.Quotas, CreatedAt: d.req.Now, UpdatedAt: d.req.Now,
	}
	if a.EgressPolicyDefault == "" {
		a.EgressPolicyDefault = secgroup.EgressAuto
	}
	if a.EgressOpenGuard == "" {
		a.EgressOpenGuard = secgroup.GuardAllow
	}
	d.add("", a.Validate())
	for name := range spec.Quotas {
		if !slices.Contains(QuotaNames, name) && name != "groups" {
			d.fault("/quotas"+secgroup.Pointer(name), secgroup.CodeInvalidValue, "there is no such quota: "+strings.Join(QuotaNames, ", "))
		}
	}
	if old == nil {
		d.put(a)
		d.putDefaultGroup(id)
		return
	}
	a.CreatedAt = old.CreatedAt
	if a.EgressPolicyDefault == old.EgressPolicyDefault && a.EgressOpenGuard == old.EgressOpenGuard &&
		maps.Equal(a.Quotas, old.Quotas) {
		return
	}
	d.put(a)
}

// account makes sure that the account exists, or will: an admin's write makes
// it on first use.
func (d *draft) account(id string) error {
	if d.s.Account(id) != nil {
		return nil
	}
	if !d.req.CreateAccount {
		return ErrNotFound
	}
	if !secgroup.ValidID(id) {
		d.fault("/account", secgroup.CodeInvalidValue, "an account id is 1-64 of A-Z a-z 0-9 . _ -")
		return nil
	}
	d.putAccount(id, nil, AccountSpec{})
	return nil
}

func (d *draft) putDefaultGroup(account string) {
	ref := secgroup.GroupRef{Account: account, ID: DefaultGroupID}
	d.put(&secgroup.Group{
		GroupRef: ref, Name: DefaultGroupID, IsDefault: true,
		EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny,
		Rules:     sortRules(secgroup.DefaultRules(ref, d.req.NewID)),
		CreatedAt: d.req.Now, UpdatedAt: d.req.Now,
	})
}

// referencing lists the rules of other groups that name the group.
func referencing(s *secgroup.Snapshot, ref secgroup.GroupRef) []Dependent {
	var deps []Dependent
	for _, r := range s.RulesReferencing(ref) {
		if r.Group == ref {
			continue
		}
		dep := Dependent{Group: r.Group.ID, Rule: r.ID}
		if r.Group.Account != ref.Account {
			dep.Account = r.Group.Account
		}
		deps = append(deps, dep)
	}
	return deps
}
