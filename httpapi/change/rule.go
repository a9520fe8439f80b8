package change

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// RuleBody shows a rule and its tag.
func RuleBody(s *secgroup.Snapshot, ref secgroup.GroupRef, id string) (any, string) {
	g := s.Group(ref)
	if g == nil {
		return nil, ""
	}
	r := g.Rule(id)
	if r == nil {
		return nil, ""
	}
	return shape.ShowRule(s, g, r), plan.Tag(r.Revision)
}

func showWrittenRule(now After) (any, string) {
	return RuleBody(now.Policy, secgroup.GroupRef{Account: now.Result.Key.Account, ID: now.Result.Key.ID}, now.Result.Rule)
}

// PostRule decodes POST /v1/accounts/{account}/security-groups/{group}/rules.
func PostRule(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ref := in.Group()
	rule := shape.ReadRule(r, n, "", ref, "", false)
	return Mutation{Faults: r.Faults, Show: showWrittenRule,
		Location: func(r plan.Result) string { return in.Below(r.Rule) },
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.CreateRule(s, req, ref, rule)
		}}, nil
}

// PutRule decodes PUT /v1/accounts/{account}/security-groups/{group}/rules/{rule}.
func PutRule(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ref := in.Group()
	rule := shape.ReadRule(r, n, "", ref, in.Param("rule"), false)
	return Mutation{Faults: r.Faults, Show: showWrittenRule,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutRule(s, req, ref, rule)
		}}, nil
}

// PatchRule decodes PATCH /v1/accounts/{account}/security-groups/{group}/rules/{rule}.
func PatchRule(in *transport.Input) (Mutation, error) {
	patch, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ref, id := in.Group(), in.Param("rule")
	patch = shape.WithoutAliases(patch)
	return Mutation{Faults: r.Faults, Show: showWrittenRule,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PatchRule(s, req, ref, id, func(old *secgroup.Rule) (secgroup.Rule, secgroup.Faults) {
				return strictjson.Edit(shape.WritableRule(ref, old), patch, func(r *strictjson.Reader, n *strictjson.Node) secgroup.Rule {
					return shape.ReadRule(r, n, "", ref, id, false)
				})
			})
		}}, nil
}

// DeleteRule decodes DELETE /v1/accounts/{account}/security-groups/{group}/rules/{rule}.
func DeleteRule(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	ref, id := in.Group(), in.Param("rule")
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.DeleteRule(s, req, ref, id)
	}}, nil
}

// ruleSet is the answer to a PUT of a whole rule set.
type ruleSet struct {
	Items    []shape.Rule `json:"items"`
	Revision int64        `json:"revision"` // the group's
}

// PutRules decodes PUT /v1/accounts/{account}/security-groups/{group}/rules.
func PutRules(in *transport.Input) (Mutation, error) {
	n, r, err := in.Body()
	if err != nil {
		return Mutation{}, err
	}
	ref := in.Group()
	items, at := shape.ReadArray(r, n, "rules", "items")
	set := shape.ReadRuleSet(r, items, at, ref)
	return Mutation{Faults: r.Faults,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutRules(s, req, ref, *set)
		},
		Show: func(now After) (any, string) {
			g := now.Policy.Group(ref)
			if g == nil {
				return nil, ""
			}
			shown := shape.ShowGroup(now.Policy, g)
			return ruleSet{shown.Rules, g.Revision}, plan.Tag(g.Revision)
		}}, nil
}
