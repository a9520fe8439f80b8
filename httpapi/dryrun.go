package httpapi

import (
	"net/http"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// dryRun answers as if the change had been made; with what it would let through
// and what not any more, and how many open connections it would cut.
func (c *call) dryRun(m change.Mutation, req *plan.Request) error {
	var result plan.Result
	var out change.Outcome
	var access *effect.Access
	var ask effect.Whom
	hosts := effect.Asker{Store: c.api.store, Questions: c.api.questions, Keeper: c.api.keeper, Now: c.api.now}
	// with calls f with the policy before and after the change.
	with := func(f func(changes []secgroup.Change, before, after *plan.View) error) error {
		return c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
			var err error
			if result, err = m.Plan(s, req); err != nil {
				return err
			}
			changes := result.Changes
			return f(changes, plan.NewView(s, s.Revision(), nil), plan.NewView(s, s.Revision(), changes))
		})
	}
	err := with(func(changes []secgroup.Change, before, after *plan.View) error {
		ask = hosts.Whom(c.viewer(), result.Effects.Impact, before, after)
		access = effect.ShowAccess(c.in.Account, before, after, plan.DiffAccess(before, changes))
		var err error
		out, err = c.render(m, result, after.Revision(), after)
		return err
	})
	if err != nil {
		return err
	}
	found, cut := hosts.Connections(c.req.Context(), c.in.Account, ask)
	if len(found) > 0 { // the hosts took their time: the policy may be another one
		err := with(func(_ []secgroup.Change, before, after *plan.View) error {
			cut.Judge(found, before, after)
			return nil
		})
		if err != nil {
			return err
		}
	}
	body, err := strictjson.WithMembers(out.Body, extras{Effects: out.Effects, DryRun: true, Access: access, Cuts: cut})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, body)
}
