package httpapi

import (
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// viewer is the account of which alone the caller may learn, "" for all.
func (c *call) viewer() string {
	if c.who.Account == tokens.AllAccounts {
		return ""
	}
	return c.who.Account
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
		sees := effect.Visible{Account: account, Policies: []*secgroup.Snapshot{s}}
		names = sees.Hosts(names, c.api.store)
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
