package httpapi

import (
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Groups are shared between accounts, and hosts are by all of them. What a
// change does to others than the account is not told to it: of NICs, hosts,
// rules and groups it learns its own alone, and those groups that are shared
// with it.

// viewer is the account of which alone the caller may learn, "" for all.
func (c *call) viewer() string {
	if c.who.Account == tokens.AllAccounts {
		return ""
	}
	return c.who.Account
}

// visible is what an account may learn of, as some views show it.
type visible struct {
	account string // "" for all there is
	views   []*plan.View
}

func (s visible) nic(id string) bool {
	return s.account == "" || slices.ContainsFunc(s.views, func(v *plan.View) bool { return isNICOf(v, s.account, id) })
}

func (s visible) nics(ids []string) []string {
	return slices.DeleteFunc(strictjson.Array(slices.Clone(ids)), func(id string) bool { return !s.nic(id) })
}

// hosts leaves those that have a visible NIC plugged.
func (s visible) hosts(names []string, all []store.HostStatus) []string {
	if s.account == "" {
		return names
	}
	own := []string{}
	for i := range all {
		if slices.Contains(names, all[i].Host) && slices.ContainsFunc(all[i].NICs, func(at store.HostNIC) bool { return s.nic(at.ID) }) {
			own = append(own, all[i].Host)
		}
	}
	return own
}

func isNICOf(v *plan.View, account, id string) bool {
	n := v.NIC(id)
	return n != nil && n.Account == account
}

// ownLaggards names the hosts that have NICs of the caller's account plugged,
// and counts the others. What a host says of itself may be about any NIC.
func (c *call) ownLaggards(late []realization.Laggard) ([]realization.Laggard, error) {
	account := c.viewer()
	if account == "" || len(late) == 0 {
		return late, nil
	}
	var names []string
	for _, l := range late {
		names = append(names, *l.Host)
	}
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		sees := visible{account, []*plan.View{plan.NewView(s, s.Revision(), nil)}}
		names = sees.hosts(names, c.api.store.Hosts())
		return nil
	})
	own := []realization.Laggard{}
	for _, l := range late {
		if slices.Contains(names, *l.Host) {
			if l.Private {
				l.Reason = "the host reports errors"
			}
			own = append(own, l)
		}
	}
	if others := len(late) - len(own); others > 0 {
		own = append(own, realization.Laggard{Reason: fmt.Sprintf("%d hosts without a NIC of the account", others)})
	}
	return own, err
}

// remoteName names the remote group of a rule to an account that the rule
// concerns, "" for the platform: by its id, as account/id if it is shared with
// it, else as account/*.
func remoteName(v *plan.View, account string, ref secgroup.GroupRef) *string {
	if ref == (secgroup.GroupRef{}) {
		return nil
	}
	name := ref.Within(account)
	if g := v.Group(ref); account != "" && ref.Account != account && (g == nil || len(g.Share(account).Uses()) == 0) {
		name = ref.Account + "/*"
	}
	return &name
}

// ownDependents tells whose the dependents are that are another account's than
// the request is about, and that account's callers alone what they are.
func (c *call) ownDependents(deps []plan.Dependent) []plan.Dependent {
	var out []plan.Dependent
	for _, d := range deps {
		switch {
		case d.Account == c.in.Account:
			d.Account = ""
		case d.Account != "" && c.viewer() != "":
			d = plan.Dependent{Account: d.Account}
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}
