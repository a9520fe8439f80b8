package httpapi

import (
	"strconv"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

var networkList = listing[*secgroup.Network]{
	items: func(_ *call, v *plan.View) ([]*secgroup.Network, error) { return v.Networks(), nil },
	key:   func(n *secgroup.Network) string { return n.ID },
	keep: func(c *call, v *plan.View) (func(*secgroup.Network) bool, error) {
		domain := c.in.Query("routing_domain")
		wire, warned, err := plan.Wire{}, false, error(nil)
		if text := c.in.Query("warnings"); text != "" {
			if warned, err = strconv.ParseBool(text); err != nil {
				return nil, transport.BadParameter("warnings is true or false")
			}
		}
		if warned {
			wire = plan.NewWire(v.Networks())
		}
		return func(n *secgroup.Network) bool {
			return (domain == "" || n.RoutingDomain == domain) && (!warned || len(wire.Mixing(n)) > 0)
		}, nil
	},
	show: func(_ *call, v *plan.View) func(*secgroup.Network) any {
		wire := plan.NewWire(v.Networks())
		return func(n *secgroup.Network) any { return shape.ShowNetwork(wire, n) }
	},
}

func networkBody(v *plan.View, id string) (any, string) {
	n := v.Network(id)
	if n == nil {
		return nil, ""
	}
	return shape.ShowNetwork(plan.NewWire(v.Networks()), n), plan.Tag(n.Revision)
}

func getNetwork(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return networkBody(v, c.in.Param("network")) })
}

func putNetwork(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	network := shape.ReadNetwork(r, n, in.Param("network"))
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutNetwork(s, req, network)
		},
		show: func(now after) (any, string) { return networkBody(now.view, network.ID) },
	}, nil
}

func deleteNetwork(in *transport.Input) (mutation, error) {
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteNetwork(s, req, in.Param("network"))
	}}, nil
}

func baselineBody(v *plan.View) (any, string) {
	b := v.Baseline()
	return shape.ShowBaseline(b), plan.Tag(b.Revision)
}

func getBaseline(c *call) error { return c.object(baselineBody) }

func putBaseline(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	addresses := shape.ReadBaseline(r, n)
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutBaseline(s, req, addresses)
		},
		show: func(now after) (any, string) { return baselineBody(now.view) },
	}, nil
}
