package change

import (
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// NICBody shows a NIC of an account, or of any if account is "".
func NICBody(s *secgroup.Snapshot, places func(nic string) []store.Place, account, id string) (any, string) {
	n := s.NIC(id)
	if n == nil || account != "" && n.Account != account {
		return nil, ""
	}
	return shape.ShowNIC(s, realization.Placement{Places: places}, n), plan.Tag(n.Revision)
}

// PutNIC decodes PUT /v1/nics/{nic}.
func PutNIC(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	nic := shape.ReadNIC(r, n, in.Param("nic"))
	return Mutation{Faults: r.Faults,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutNIC(s, req, nic)
		},
		Show: func(now After) (any, string) { return NICBody(now.Policy, now.Places, "", nic.ID) },
	}, nil
}

// DeleteNIC decodes DELETE /v1/nics/{nic}.
func DeleteNIC(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.DeleteNIC(s, req, in.Param("nic"))
	}}, nil
}
