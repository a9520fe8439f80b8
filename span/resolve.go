package span

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// resolved is a plugged NIC with what its share follows from.
type resolved struct {
	NIC
	network string              // id of its network if that is there, else ""
	domain  string              // of its network, "" if there is none
	judges  []secgroup.GroupRef // its groups if it is filtered
}

// resolve looks up a NIC that is plugged at a host.
func resolve(s *secgroup.Snapshot, host, id string) (r resolved) {
	n := s.NIC(id)
	switch {
	case n == nil:
		return r
	case host != "" && !n.MayBeAt(host):
		r.Record = &secgroup.NIC{ID: n.ID, Hosts: n.Hosts}
		return r
	}
	r.Record = enforcedNIC(n)
	for _, e := range s.EffectiveGroups(n) {
		r.Groups = append(r.Groups, e.Group)
	}
	if n.Enforcement != secgroup.EnforcementOff {
		r.judges = r.Groups
	}
	if network := s.Network(n.Network); network != nil {
		r.network, r.domain = network.ID, network.RoutingDomain
	}
	return r
}

// The functions here leave of an object what decides something at a host.

func enforcedNIC(n *secgroup.NIC) *secgroup.NIC {
	return &secgroup.NIC{
		ID: n.ID, Account: n.Account, Network: n.Network, MAC: n.MAC, Addresses: n.Addresses, AllowedAddresses: n.AllowedAddresses,
		Enforcement: n.Enforcement, DHCPServer: n.DHCPServer, Hosts: n.Hosts,
	}
}

func enforcedNetwork(n *secgroup.Network) *secgroup.Network {
	return &secgroup.Network{ID: n.ID, Prefixes: n.Prefixes, VLAN: n.VLAN, Local: n.Local, RoutingDomain: n.RoutingDomain, Gateways: n.Gateways}
}

func enforcedGroup(g *secgroup.Group) *secgroup.Group {
	out := &secgroup.Group{GroupRef: g.GroupRef, EgressPolicy: g.EgressPolicy, Rules: make([]secgroup.Rule, len(g.Rules))}
	for i, r := range g.Rules {
		r.Description, r.Origin, r.Revision = "", "", 0
		out.Rules[i] = r
	}
	return out
}

func enforcedBaseline(b *secgroup.Baseline) *secgroup.Baseline {
	out := &secgroup.Baseline{Addresses: make([]secgroup.BaselineAddress, len(b.Addresses))}
	for i, a := range b.Addresses {
		a.Description = ""
		out.Addresses[i] = a
	}
	return out
}

// The functions here compare objects that were made by those above.

func sameNIC(a, b NIC) bool {
	if a.Record == nil || b.Record == nil {
		return a.Record == b.Record
	}
	x, y := a.Record, b.Record
	return x.Account == y.Account && x.Network == y.Network && x.MAC == y.MAC && x.Enforcement == y.Enforcement && x.DHCPServer == y.DHCPServer &&
		slices.Equal(x.Addresses, y.Addresses) && slices.Equal(x.AllowedAddresses, y.AllowedAddresses) && slices.Equal(x.Hosts, y.Hosts) &&
		slices.Equal(a.Groups, b.Groups)
}

func sameNetwork(a, b *secgroup.Network) bool {
	return a.VLAN == b.VLAN && a.Local == b.Local && a.RoutingDomain == b.RoutingDomain &&
		slices.Equal(a.Prefixes, b.Prefixes) && slices.Equal(a.Gateways, b.Gateways)
}

func sameGroup(a, b *secgroup.Group) bool {
	return a.EgressPolicy == b.EgressPolicy && slices.Equal(a.Rules, b.Rules)
}

func sameBaseline(a, b *secgroup.Baseline) bool { return slices.Equal(a.Addresses, b.Addresses) }

// remotesOf returns the groups that the enabled rules of a group name, sorted.
func remotesOf(g *secgroup.Group) []secgroup.GroupRef {
	var refs []secgroup.GroupRef
	for i := range g.Rules {
		if r := &g.Rules[i]; r.Enabled && r.RemoteGroup != (secgroup.GroupRef{}) {
			refs = append(refs, r.RemoteGroup)
		}
	}
	slices.SortFunc(refs, secgroup.GroupRef.Compare)
	return slices.Compact(refs)
}
