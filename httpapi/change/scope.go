package change

import (
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// scope is in which networks a group acts.
type scope struct {
	NetworkScope secgroup.NetworkScope `json:"network_scope"`
	Items        []string              `json:"items"`
	NextCursor   *string               `json:"next_cursor"`
	Revision     int64                 `json:"revision"`
}

// ScopeBody shows in which networks a group acts, and its tag; nil if there is none.
func ScopeBody(s *secgroup.Snapshot, ref secgroup.GroupRef) (any, string) {
	g := s.Group(ref)
	if g == nil {
		return nil, ""
	}
	return scope{NetworkScope: g.NetworkScope, Items: strictjson.Array(g.Networks), Revision: s.Revision()}, plan.Tag(g.Revision)
}

// PutGroupNetwork decodes PUT /v1/accounts/{account}/security-groups/{group}/networks/{network}.
func PutGroupNetwork(in *transport.Input) (Mutation, error) {
	m, err := scopeMutation(in, plan.AddGroupNetwork)
	m.Show = func(now After) (any, string) { return ScopeBody(now.Policy, in.Group()) }
	return m, err
}

// DeleteGroupNetwork decodes DELETE /v1/accounts/{account}/security-groups/{group}/networks/{network}.
func DeleteGroupNetwork(in *transport.Input) (Mutation, error) {
	return scopeMutation(in, plan.RemoveGroupNetwork)
}

func scopeMutation(in *transport.Input, do func(*secgroup.Snapshot, *plan.Request, secgroup.GroupRef, string) (plan.Result, error)) (Mutation, error) {
	ref, network := in.Group(), in.Param("network")
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return do(s, req, ref, network)
	}}, in.NoBody()
}
