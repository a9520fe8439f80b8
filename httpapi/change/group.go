package change

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// GroupBody shows a group, and its tag; nil if there is none.
func GroupBody(s *secgroup.Snapshot, ref secgroup.GroupRef) (any, string) {
	g := s.Group(ref)
	if g == nil {
		return nil, ""
	}
	return shape.ShowGroup(s, g), plan.Tag(g.Revision)
}

// showWrittenGroup shows the group that a plan wrote.
func showWrittenGroup(now After) (any, string) {
	return GroupBody(now.Policy, secgroup.GroupRef{Account: now.Result.Key.Account, ID: now.Result.Key.ID})
}

// PostGroup decodes POST /v1/accounts/{account}/security-groups.
func PostGroup(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	spec := shape.ReadGroup(r, n, secgroup.GroupRef{Account: in.Account})
	return Mutation{Faults: r.Faults, Show: showWrittenGroup,
		Location: func(r plan.Result) string { return in.Below(r.Key.ID) },
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.CreateGroup(s, req, in.Account, spec)
		}}, nil
}

// PutGroup decodes PUT /v1/accounts/{account}/security-groups/{group}.
func PutGroup(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ref := in.Group()
	spec := shape.ReadGroup(r, n, ref)
	return Mutation{Faults: r.Faults, Show: showWrittenGroup,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutGroup(s, req, ref, spec)
		}}, nil
}

// PatchGroup decodes PATCH /v1/accounts/{account}/security-groups/{group}.
func PatchGroup(in *transport.Input) (Mutation, error) {
	patch, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ref := in.Group()
	return Mutation{Faults: r.Faults, Show: showWrittenGroup,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PatchGroup(s, req, ref, func(g *secgroup.Group) (plan.GroupSpec, secgroup.Faults) {
				return strictjson.Edit(shape.WritableGroup(g), patch, func(r *strictjson.Reader, n *strictjson.Node) plan.GroupSpec { return shape.ReadGroup(r, n, ref) })
			})
		}}, nil
}

// DeleteGroup decodes DELETE /v1/accounts/{account}/security-groups/{group}.
func DeleteGroup(in *transport.Input) (Mutation, error) {
	cascade, err := in.Cascade()
	if err != nil {
		return Mutation{}, err
	}
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	ref := in.Group()
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.DeleteGroup(s, req, ref, cascade)
	}}, nil
}
