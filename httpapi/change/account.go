package change

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// AccountBody shows an account, and its tag; nil if there is none.
func AccountBody(s *secgroup.Snapshot, id string) (any, string) {
	a := s.Account(id)
	if a == nil {
		return nil, ""
	}
	return shape.ShowAccount(s, a), plan.Tag(a.Revision)
}

func showWrittenAccount(now After) (any, string) { return AccountBody(now.Policy, now.Result.Key.ID) }

// PutAccount decodes PUT /v1/accounts/{account}.
func PutAccount(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	spec := shape.ReadAccount(r, n, in.Account)
	return Mutation{Faults: r.Faults, Show: showWrittenAccount,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutAccount(s, req, in.Account, spec)
		}}, nil
}

// PatchAccount decodes PATCH /v1/accounts/{account}.
func PatchAccount(in *transport.Input) (Mutation, error) {
	patch, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	patch = shape.SettingsInPlace(patch)
	return Mutation{Faults: r.Faults, Show: showWrittenAccount,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PatchAccount(s, req, in.Account, func(a *secgroup.Account) (plan.AccountSpec, secgroup.Faults) {
				return strictjson.Edit(shape.WritableAccount(a), patch, func(r *strictjson.Reader, n *strictjson.Node) plan.AccountSpec {
					return shape.ReadAccount(r, n, in.Account)
				})
			})
		}}, nil
}

// DeleteAccount decodes DELETE /v1/accounts/{account}.
func DeleteAccount(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.DeleteAccount(s, req, in.Account)
	}}, nil
}

// InstanceBody shows an instance, and its tag; nil if there is none.
func InstanceBody(s *secgroup.Snapshot, ref secgroup.InstanceRef) (any, string) {
	i := s.Instance(ref)
	if i == nil {
		return nil, ""
	}
	return shape.ShowInstance(s, i), plan.Tag(i.Revision)
}

// PutInstance decodes PUT /v1/accounts/{account}/instances/{instance}.
func PutInstance(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ref := in.Instance()
	name := shape.ReadInstance(r, n, ref)
	return Mutation{Faults: r.Faults,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutInstance(s, req, ref, name)
		},
		Show: func(now After) (any, string) { return InstanceBody(now.Policy, ref) },
	}, nil
}

// DeleteInstance decodes DELETE /v1/accounts/{account}/instances/{instance}.
func DeleteInstance(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.DeleteInstance(s, req, in.Instance())
	}}, nil
}
