package change

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// NetworkBody shows a network, and its tag; nil if there is none.
func NetworkBody(s *secgroup.Snapshot, id string) (any, string) {
	n := s.Network(id)
	if n == nil {
		return nil, ""
	}
	return shape.ShowNetwork(plan.NewWire(s.Networks()), n), plan.Tag(n.Revision)
}

// PutNetwork decodes PUT /v1/networks/{network}.
func PutNetwork(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	network := shape.ReadNetwork(r, n, in.Param("network"))
	return Mutation{Faults: r.Faults,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutNetwork(s, req, network)
		},
		Show: func(now After) (any, string) { return NetworkBody(now.Policy, network.ID) },
	}, nil
}

// DeleteNetwork decodes DELETE /v1/networks/{network}.
func DeleteNetwork(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.DeleteNetwork(s, req, in.Param("network"))
	}}, nil
}

// BaselineBody shows the baseline, and its tag.
func BaselineBody(s *secgroup.Snapshot) (any, string) {
	b := s.Baseline()
	return shape.ShowBaseline(b), plan.Tag(b.Revision)
}

// PutBaseline decodes PUT /v1/baseline.
func PutBaseline(in *transport.Input) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	addresses := shape.ReadBaseline(r, n)
	return Mutation{Faults: r.Faults,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.PutBaseline(s, req, addresses)
		},
		Show: func(now After) (any, string) { return BaselineBody(now.Policy) },
	}, nil
}
