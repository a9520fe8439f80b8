package asking

import (
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// KnownGroups are other accounts' groups that judge NICs of an account, which
// therefore knows them and their rules.
type KnownGroups map[secgroup.GroupRef]bool

// Add takes note of the groups that judge a NIC.
func (k KnownGroups) Add(s *secgroup.Snapshot, n *secgroup.NIC) {
	for _, e := range s.EffectiveGroups(n) {
		if e.Group.Account != n.Account {
			k[e.Group] = true
		}
	}
}

// Rule names a rule that a host tells of to an account, if it may know it.
func (k KnownGroups) Rule(r *inquiry.Rule, account string) (group, rule *string) {
	if r == nil {
		return nil, nil
	}
	ref := secgroup.GroupRef{Account: r.Account, ID: r.Group}
	if r.Account != account && !k[ref] {
		return nil, nil
	}
	name := ref.Within(account)
	return &name, &r.ID
}

// List is what a host needs to know of them.
func (k KnownGroups) List() []inquiry.Group {
	var out []inquiry.Group
	for ref := range k {
		out = append(out, inquiry.Group{Account: ref.Account, ID: ref.ID})
	}
	return out
}
