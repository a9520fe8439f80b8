package httpapi

import (
	"strconv"

	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

var networkList = listing[*secgroup.Network]{
	items: func(_ *call, v *plan.View) ([]*secgroup.Network, error) { return v.Networks(), nil },
	key:   func(n *secgroup.Network) string { return n.ID },
	keep: func(c *call, v *plan.View) (func(*secgroup.Network) bool, error) {
		domain := c.in.query("routing_domain")
		wire, warned, err := plan.Wire{}, false, error(nil)
		if text := c.in.query("warnings"); text != "" {
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
		return func(n *secgroup.Network) any { return showNetwork(wire, n) }
	},
}

func networkBody(v *plan.View, id string) (any, string) {
	n := v.Network(id)
	if n == nil {
		return nil, ""
	}
	return showNetwork(plan.NewWire(v.Networks()), n), plan.Tag(n.Revision)
}

func getNetwork(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return networkBody(v, c.in.param("network")) })
}

func putNetwork(in *input) (mutation, error) {
	n, r, err := in.objectBody()
	if err != nil {
		return mutation{}, err
	}
	network := readNetwork(r, n, in.param("network"))
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutNetwork(s, req, network)
		},
		show: func(now after) (any, string) { return networkBody(now.view, network.ID) },
	}, nil
}

func deleteNetwork(in *input) (mutation, error) {
	if err := in.noBody(); err != nil {
		return mutation{}, err
	}
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteNetwork(s, req, in.param("network"))
	}}, nil
}

func baselineBody(v *plan.View) (any, string) {
	b := v.Baseline()
	return showBaseline(b), plan.Tag(b.Revision)
}

func getBaseline(c *call) error { return c.object(baselineBody) }

func putBaseline(in *input) (mutation, error) {
	n, r, err := in.objectBody()
	if err != nil {
		return mutation{}, err
	}
	addresses := readBaseline(r, n)
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutBaseline(s, req, addresses)
		},
		show: func(now after) (any, string) { return baselineBody(now.view) },
	}, nil
}
