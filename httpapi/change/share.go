package change

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// ShareBody shows one share and its tag.
func ShareBody(s *secgroup.Snapshot, ref secgroup.GroupRef, account string) (any, string) {
	g := s.Group(ref)
	if g == nil {
		return nil, ""
	}
	share := g.Share(account)
	if len(share.Uses()) == 0 {
		return nil, ""
	}
	return shape.ShowShare(s, g.GroupRef, share), plan.ShareTag(share)
}

// PutShare decodes PUT /v1/accounts/{account}/security-groups/{group}/shares/{grantee}.
func PutShare(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ref, share := in.Group(), shape.ReadShare(r, n, in.Param("grantee"))
	return Mutation{Faults: r.Faults,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutShare(s, req, ref, share)
		},
		Show: func(now After) (any, string) { return ShareBody(now.Policy, ref, share.Account) },
	}, nil
}

// DeleteShare decodes DELETE /v1/accounts/{account}/security-groups/{group}/shares/{grantee}.
func DeleteShare(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	ref, account := in.Group(), in.Param("grantee")
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.DeleteShare(s, req, ref, account)
	}}, nil
}
