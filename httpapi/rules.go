package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/shape"
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

func getRule(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return change.RuleBody(v, c.in.Group(), c.in.Param("rule")) })
}
