package httpapi

import (
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// knownGroups are other accounts' groups that judge NICs of an account, which
// therefore knows them and their rules.
type knownGroups map[secgroup.GroupRef]bool

// add takes note of the groups that judge a NIC.
func (k knownGroups) add(s *secgroup.Snapshot, n *secgroup.NIC) {
	for _, e := range s.EffectiveGroups(n) {
		if e.Group.Account != n.Account {
			k[e.Group] = true
		}
	}
}

// rule names a rule that a host tells of to an account, if it may know it.
func (k knownGroups) rule(r *inquiry.Rule, account string) (group, rule *string) {
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

// list is what a host needs to know of them.
func (k knownGroups) list() []inquiry.Group {
	var out []inquiry.Group
	for ref := range k {
		out = append(out, inquiry.Group{Account: ref.Account, ID: ref.ID})
	}
	return out
}
