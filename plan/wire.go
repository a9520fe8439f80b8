package plan

import "github.com/ringfence/ringfence/secgroup"

// Wire knows the networks by their VLAN between hosts.
type Wire map[uint16][]*secgroup.Network

// NewWire looks at all networks, which is as much work as they are many.
func NewWire(networks []*secgroup.Network) Wire {
	w := Wire{}
	for _, n := range networks {
		if !n.Local {
			w[n.VLAN] = append(w[n.VLAN], n)
		}
	}
	return w
}

// Mixing returns the networks of other routing domains whose frames are like
// those of n between hosts, in the order that they were given in. There are none
// but those that were there before that was refused.
func (w Wire) Mixing(n *secgroup.Network) []*secgroup.Network {
	if n.Local {
		return nil
	}
	var others []*secgroup.Network
	for _, o := range w[n.VLAN] {
		if n.Segment().MixesOnWire(o.Segment()) {
			others = append(others, o)
		}
	}
	return others
}
