package workload

import (
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// Changes makes the workload of an empty snapshot. Members are in their group
// by an instance that has the group's id, ports by attachments of their own.
func (w Load) Changes() []secgroup.Change {
	network := &secgroup.Network{
		ID: Network, Type: secgroup.NetworkVPC, VPC: Network, VLAN: VLAN,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("11.0.0.0/8")},
	}
	network.Normalize()
	standard := &secgroup.Group{GroupRef: Ref("default"), Name: "default", IsDefault: true}
	standard.Normalize()
	changes := []secgroup.Change{secgroup.Put(&secgroup.Account{ID: Account}), secgroup.Put(network), secgroup.Put(standard)}
	for _, g := range w.Groups {
		changes = append(changes, secgroup.Put(g),
			secgroup.Put(&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: Account, ID: g.ID}}),
			secgroup.Put(&secgroup.Attachment{Group: g.GroupRef, Instance: g.ID}))
	}
	for _, e := range w.Ports {
		changes = append(changes, secgroup.Put(e.NIC("")))
		for _, g := range e.Groups {
			changes = append(changes, secgroup.Put(&secgroup.Attachment{Group: Ref(GroupID(g)), NIC: e.ID}))
		}
	}
	for _, e := range w.Members {
		changes = append(changes, secgroup.Put(e.NIC(GroupID(e.Groups[0]))))
	}
	return changes
}

// NIC returns the endpoint as a NIC of an instance, or of none.
func (e Endpoint) NIC(instance string) *secgroup.NIC {
	return &secgroup.NIC{
		ID: e.ID, Account: Account, Instance: instance, Network: Network, MAC: e.MAC,
		Addresses: []netip.Addr{e.Address}, Enforcement: secgroup.EnforcementOn,
	}
}
