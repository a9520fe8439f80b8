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
	items: func(c *call, s *secgroup.Snapshot) ([]groupRule, error) {
		g := s.Group(c.in.Group())
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
	keep: func(c *call, _ *secgroup.Snapshot) (func(groupRule) bool, error) {
		return func(r groupRule) bool { return c.in.Query("unused_since") == "" || c.hits.Unused(r.rule.ID) }, nil
	},
	show: func(c *call, s *secgroup.Snapshot) func(groupRule) any {
		return func(r groupRule) any {
			out := shape.ShowRule(s, r.group, r.rule)
			if c.hits != nil {
				out.Hits = c.hits.Of(r.rule.ID)
			}
			return out
		}
	},
	tag: func(c *call, s *secgroup.Snapshot) string {
		if g := s.Group(c.in.Group()); g != nil {
			return plan.Tag(g.Revision)
		}
		return "l"
	},
}

func getRule(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) { return change.RuleBody(s, c.in.Group(), c.in.Param("rule")) })
}

// listRules lists a group's rules; with ?hits=true or ?unused_since=TIME also what
// they let through, which the hosts are asked for first.
func listRules(c *call) error {
	hits, err := c.api.inspector.Hits(c.req.Context(), c.in)
	if err != nil {
		return err
	}
	if hits != nil {
		c.hits = hits
		c.req.Header.Del("If-None-Match") // hits change without a revision
		c.res.Header().Set("Cache-Control", "no-store")
	}
	return ruleList.serve(c)
}
