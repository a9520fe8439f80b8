package plan

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// PutShare lets another account use a group, or changes what it may do with it.
// What it makes use of cannot be taken from it.
func PutShare(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, share secgroup.Share) (Result, error) {
	return setShare(s, req, ref, share, true)
}

// DeleteShare ends that another account may use a group.
func DeleteShare(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, account string) (Result, error) {
	return setShare(s, req, ref, secgroup.Share{Account: account}, false)
}

// ShareTag is the tag of what a group lets an account do, "" for nothing.
func ShareTag(share secgroup.Share) string {
	var names []string
	for _, u := range share.Uses() {
		names = append(names, string(u))
	}
	if names == nil {
		return ""
	}
	return ListTag(names)
}

func setShare(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, share secgroup.Share, want bool) (Result, error) {
	d := begin(s, req)
	g := s.Group(ref)
	if g == nil {
		return Result{}, ErrNotFound
	}
	old := g.Share(share.Account)
	if err := d.req.Condition.check(ShareTag(old)); err != nil {
		return Result{}, err
	}
	if want {
		d.shareFaults(ref, share)
	} else if len(old.Uses()) == 0 {
		return Result{}, ErrNotFound
	}
	if err := d.err(); err != nil {
		return Result{}, err
	}
	if err := withdrawn(s, ref, old, share); err != nil {
		return Result{}, err
	}
	if share != old {
		d.put(d.withShare(g, share))
	}
	return d.finish(g.Key(), want && len(old.Uses()) == 0)
}

func (d *draft) shareFaults(ref secgroup.GroupRef, share secgroup.Share) {
	switch {
	case !secgroup.ValidID(share.Account):
		d.fault("/account", secgroup.CodeInvalidValue, "an account id is 1-64 of A-Z a-z 0-9 . _ -")
	case share.Account == ref.Account:
		d.fault("/account", secgroup.CodeInvalidValue, "is the account that the group is of")
	}
	if len(share.Uses()) == 0 {
		d.fault("/use", secgroup.CodeInvalidValue, "is attach, reference or both; DELETE ends a share")
	}
}

// withShare returns g with a share in the place of the account's old one.
func (d *draft) withShare(g *secgroup.Group, share secgroup.Share) *secgroup.Group {
	changed := *g
	changed.UpdatedAt, changed.Revision = d.req.Now, 0
	changed.Shares = slices.DeleteFunc(slices.Clone(g.Shares), func(s secgroup.Share) bool { return s.Account == share.Account })
	if len(share.Uses()) > 0 {
		changed.Shares = append(changed.Shares, share)
	}
	slices.SortFunc(changed.Shares, func(a, b secgroup.Share) int { return strings.Compare(a.Account, b.Account) })
	return &changed
}

// withdrawn refuses to take from an account what it makes use of: only its own
// requests change its NICs and rules.
func withdrawn(s *secgroup.Snapshot, ref secgroup.GroupRef, old, new secgroup.Share) error {
	attachments, rules := ShareUse(s, ref, old.Account)
	if old.Attach && !new.Attach && len(attachments) > 0 {
		return &Conflict{CodeGroupInUse, "the account has the group attached to NICs", attachments}
	}
	if old.Reference && !new.Reference && len(rules) > 0 {
		return &Conflict{CodeGroupReferenced, "rules of the account name the group", rules}
	}
	return nil
}

// ShareUse lists an account's NICs that a group of another is attached to, and
// its rules that name the group.
func ShareUse(s *secgroup.Snapshot, ref secgroup.GroupRef, account string) (attachments, rules []Dependent) {
	for _, dep := range append(attached(s, ref), referencing(s, ref)...) {
		switch {
		case dep.Account != account:
		case dep.Rule != "":
			rules = append(rules, dep)
		default:
			attachments = append(attachments, dep)
		}
	}
	return attachments, rules
}

// attached lists what a group is attached to.
func attached(s *secgroup.Snapshot, ref secgroup.GroupRef) []Dependent {
	all := s.AttachmentsOfGroup(ref)
	deps := make([]Dependent, len(all))
	for i, a := range all {
		deps[i] = Dependent{NIC: a.NIC, Instance: a.Instance}
		if n := s.NIC(a.NIC); n != nil && n.Account != ref.Account {
			deps[i].Account = n.Account
		}
	}
	return deps
}

// unshare ends all shares with an account that goes: who gets its id later
// inherits nothing.
func (d *draft) unshare(account string) {
	for _, a := range d.s.Accounts() {
		for _, g := range d.s.Groups(a.ID) {
			if a.ID != account && len(g.Share(account).Uses()) > 0 {
				d.put(d.withShare(g, secgroup.Share{Account: account}))
			}
		}
	}
}
