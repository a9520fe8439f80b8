package httpapi

import (
	"strconv"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

var networkList = listing[*secgroup.Network]{
	items: func(_ *call, s *secgroup.Snapshot) ([]*secgroup.Network, error) { return s.Networks(), nil },
	key:   func(n *secgroup.Network) string { return n.ID },
	keep: func(c *call, s *secgroup.Snapshot) (func(*secgroup.Network) bool, error) {
		domain := c.in.Query("routing_domain")
		wire, warned, err := plan.Wire{}, false, error(nil)
		if text := c.in.Query("warnings"); text != "" {
			if warned, err = strconv.ParseBool(text); err != nil {
				return nil, transport.BadParameter("warnings is true or false")
			}
		}
		if warned {
			wire = plan.NewWire(s.Networks())
		}
		return func(n *secgroup.Network) bool {
			return (domain == "" || n.RoutingDomain == domain) && (!warned || len(wire.Mixing(n)) > 0)
		}, nil
	},
	show: func(_ *call, s *secgroup.Snapshot) func(*secgroup.Network) any {
		wire := plan.NewWire(s.Networks())
		return func(n *secgroup.Network) any { return shape.ShowNetwork(wire, n) }
	},
}

func getNetwork(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) { return change.NetworkBody(s, c.in.Param("network")) })
}

func getBaseline(c *call) error { return c.object(change.BaselineBody) }
