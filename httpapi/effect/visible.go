package effect

import (
	"slices"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Groups are shared between accounts, and hosts are by all of them. What a
// change does to others than the account is not told to it: of NICs, hosts,
// rules and groups it learns its own alone, and those groups that are shared
// with it.

// Visible is what an account may learn of, as some policies show it.
type Visible struct {
	Account  string // "" for all there is
	Policies []*secgroup.Snapshot
}

// NIC tells whether a NIC is to be seen.
func (to Visible) NIC(id string) bool {
	return to.Account == "" || slices.ContainsFunc(to.Policies, func(s *secgroup.Snapshot) bool { return IsNICOf(s, to.Account, id) })
}

// NICs leaves those that are to be seen.
func (to Visible) NICs(ids []string) []string {
	return slices.DeleteFunc(strictjson.Array(slices.Clone(ids)), func(id string) bool { return !to.NIC(id) })
}

// Hosts leaves those that have a visible NIC plugged.
func (to Visible) Hosts(names []string, b realization.Board) []string {
	if to.Account == "" {
		return names
	}
	own := []string{}
	for _, name := range names {
		if h, known := b.Host(name); known && slices.ContainsFunc(h.NICs, func(at store.HostNIC) bool { return to.NIC(at.ID) }) {
			own = append(own, name)
		}
	}
	return own
}

// IsNICOf tells whether a NIC is an account's, as a policy shows it.
func IsNICOf(s *secgroup.Snapshot, account, id string) bool {
	n := s.NIC(id)
	return n != nil && n.Account == account
}

// RemoteName names the remote group of a rule to an account that the rule
// concerns, "" for the platform: by its id, as account/id if it is shared with
// it, else as account/*.
func RemoteName(s *secgroup.Snapshot, account string, ref secgroup.GroupRef) *string {
	if ref == (secgroup.GroupRef{}) {
		return nil
	}
	name := ref.Within(account)
	if g := s.Group(ref); account != "" && ref.Account != account && (g == nil || len(g.Share(account).Uses()) == 0) {
		name = ref.Account + "/*"
	}
	return &name
}
