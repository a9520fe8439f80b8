package change

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// ShareBody shows one share and its tag.
func ShareBody(v *secgroup.Snapshot, ref secgroup.GroupRef, account string) (any, string) {
	g := v.Group(ref)
	if g == nil {
		return nil, ""
	}
	s := g.Share(account)
	if len(s.Uses()) == 0 {
		return nil, ""
	}
	return shape.ShowShare(v, g.GroupRef, s), plan.ShareTag(s)
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
