package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// groupRule is a rule with the group it is of.
type groupRule struct {
	group *secgroup.Group
	rule  *secgroup.Rule
}

var ruleList = listing[groupRule]{
	items: func(c *call, v *plan.View) ([]groupRule, error) {
		g := v.Group(c.in.Group())
		if g == nil {
			return nil, transport.NotFound()
		}
		out := make([]groupRule, len(g.Rules))
		for i := range g.Rules {
			out[i] = groupRule{g, &g.Rules[i]}
		}
		return out, nil
	},
	key: func(r groupRule) string { return r.rule.ID },
	keep: func(c *call, _ *plan.View) (func(groupRule) bool, error) {
		return func(r groupRule) bool { return c.in.Query("unused_since") == "" || c.hits.Unused(r.rule.ID) }, nil
	},
	show: func(c *call, v *plan.View) func(groupRule) any {
		in := plan.NewInertness(v)
		return func(r groupRule) any {
			out := shape.ShowRule(in, r.group, r.rule)
			if c.hits != nil {
				out.Hits = c.hits.Of(r.rule.ID)
			}
			return out
		}
	},
	tag: func(c *call, v *plan.View) string {
		if g := v.Group(c.in.Group()); g != nil {
			return plan.Tag(g.Revision)
		}
		return "l"
	},
}

// ruleBody shows a rule and its tag.
func ruleBody(v *plan.View, ref secgroup.GroupRef, id string) (any, string) {
	g := v.Group(ref)
	if g == nil {
		return nil, ""
	}
	r := g.Rule(id)
	if r == nil {
		return nil, ""
	}
	return shape.ShowRule(plan.NewInertness(v), g, r), plan.Tag(r.Revision)
}

func showWrittenRule(now after) (any, string) {
	return ruleBody(now.view, secgroup.GroupRef{Account: now.result.Key.Account, ID: now.result.Key.ID}, now.result.Rule)
}

func getRule(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return ruleBody(v, c.in.Group(), c.in.Param("rule")) })
}

func postRule(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref := in.Group()
	rule := shape.ReadRule(r, n, "", ref, "", false)
	return mutation{faults: r.Faults, show: showWrittenRule,
		location: func(r plan.Result) string { return in.Below(r.Rule) },
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.CreateRule(s, req, ref, rule)
		}}, nil
}

func putRule(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref := in.Group()
	rule := shape.ReadRule(r, n, "", ref, in.Param("rule"), false)
	return mutation{faults: r.Faults, show: showWrittenRule,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutRule(s, req, ref, rule)
		}}, nil
}

func patchRule(in *transport.Input) (mutation, error) {
	patch, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref, id := in.Group(), in.Param("rule")
	patch = shape.WithoutAliases(patch)
	return mutation{faults: r.Faults, show: showWrittenRule,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PatchRule(s, req, ref, id, func(old *secgroup.Rule) (secgroup.Rule, secgroup.Faults) {
				return strictjson.Edit(shape.WritableRule(ref, old), patch, func(r *strictjson.Reader, n *strictjson.Node) secgroup.Rule {
					return shape.ReadRule(r, n, "", ref, id, false)
				})
			})
		}}, nil
}

func deleteRule(in *transport.Input) (mutation, error) {
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	ref, id := in.Group(), in.Param("rule")
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteRule(s, req, ref, id)
	}}, nil
}

// ruleSetJSON is the answer to a PUT of a whole rule set.
type ruleSetJSON struct {
	Items    []shape.Rule `json:"items"`
	Revision int64        `json:"revision"` // the group's
}

func putRules(in *transport.Input) (mutation, error) {
	n, r, err := in.Body()
	if err != nil {
		return mutation{}, err
	}
	ref := in.Group()
	items, at := shape.ReadArray(r, n, "rules", "items")
	set := shape.ReadRuleSet(r, items, at, ref)
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutRules(s, req, ref, *set)
		},
		show: func(now after) (any, string) {
			g := now.view.Group(ref)
			if g == nil {
				return nil, ""
			}
			shown := shape.ShowGroup(plan.NewInertness(now.view), g)
			return ruleSetJSON{shown.Rules, g.Revision}, plan.Tag(g.Revision)
		}}, nil
}
