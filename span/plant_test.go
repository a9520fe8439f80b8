package span

import (
	"fmt"
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// plant is a policy of tenants that have nothing to do with each other: tenant i has
// its NICs at host i, with a group that judges them and names itself and a group of
// members elsewhere.
type plant struct {
	policy *secgroup.Snapshot
	index  *Index
	rev    int64
}

const (
	plantLocals  = 3
	plantMembers = 5
)

func plantAccount(i int) string { return fmt.Sprint("tenant-", i) }
func plantNetwork(i int) string { return fmt.Sprint("net-", i) }
func plantHost(i int) string    { return fmt.Sprint("host-", i) }
func plantGroup(i int) secgroup.GroupRef {
	return secgroup.GroupRef{Account: plantAccount(i), ID: "local"}
}
func plantRemote(i int) secgroup.GroupRef {
	return secgroup.GroupRef{Account: plantAccount(i), ID: "remote"}
}

func plantNIC(tenant int, id string, last int) *secgroup.NIC {
	return &secgroup.NIC{
		ID: id, Account: plantAccount(tenant), Network: plantNetwork(tenant), Enforcement: secgroup.EnforcementOn,
		MAC: secgroup.MAC{2, byte(tenant >> 8), byte(tenant), 0, 0, byte(last)}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(last)})},
	}
}

func plantRule(id string, remote secgroup.GroupRef) secgroup.Rule {
	return secgroup.Rule{ID: id, Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP, RemoteGroup: remote, Enabled: true}
}

func plantTenant(i int) (changes []secgroup.Change) {
	network := &secgroup.Network{ID: plantNetwork(i), Type: secgroup.NetworkVPC, VPC: plantAccount(i)}
	network.Normalize()
	changes = append(changes, secgroup.Put(network), secgroup.Put(&secgroup.Account{ID: plantAccount(i)}),
		secgroup.Put(&secgroup.Group{GroupRef: secgroup.GroupRef{Account: plantAccount(i), ID: "default"}, IsDefault: true}),
		secgroup.Put(&secgroup.Group{GroupRef: plantRemote(i)}),
		secgroup.Put(&secgroup.Group{GroupRef: plantGroup(i), Rules: []secgroup.Rule{plantRule("a", plantGroup(i)), plantRule("b", plantRemote(i))}}))
	for n := range plantLocals {
		nic := plantNIC(i, fmt.Sprintf("local-%d-%d", i, n), 1+n)
		changes = append(changes, secgroup.Put(nic), secgroup.Put(&secgroup.Attachment{Group: plantGroup(i), NIC: nic.ID}))
	}
	for n := range plantMembers {
		nic := plantNIC(i, fmt.Sprintf("member-%d-%d", i, n), 100+n)
		changes = append(changes, secgroup.Put(nic), secgroup.Put(&secgroup.Attachment{Group: plantRemote(i), NIC: nic.ID}))
	}
	return changes
}

// newPlant returns one with a host for each tenant, and a tenant more, "stranger",
// who has no NIC at any host.
func newPlant(hosts int) *plant {
	p := &plant{policy: secgroup.NewSnapshot()}
	for i := range hosts + 1 {
		p.rev++
		p.policy, _ = p.policy.With(p.rev, plantTenant(i))
	}
	p.index = NewIndex(p.policy)
	for i := range hosts {
		nics := map[string]bool{}
		for n := range plantLocals {
			nics[fmt.Sprintf("local-%d-%d", i, n)] = true
		}
		p.index.Plug(plantHost(i), nics)
	}
	return p
}

func (p *plant) apply(changes ...secgroup.Change) map[string]Delta {
	p.rev++
	var touched secgroup.Touched
	p.policy, touched = p.policy.With(p.rev, changes)
	return p.index.Apply(p.policy, touched)
}

// plantChange is a change and the hosts that it concerns.
type plantChange struct {
	does     []secgroup.Change
	concerns []string
}

// changes are some that concern one host, and the same of the stranger, which concern
// none. They may be made in any order.
func (p *plant) changes() map[string]plantChange {
	all := map[string]plantChange{}
	for what, of := range map[string]struct {
		tenant   int
		concerns []string
	}{"": {0, []string{plantHost(0)}}, "stranger's ": {len(p.index.hosts), nil}} {
		i := of.tenant
		rules := *p.policy.Group(plantGroup(i))
		rules.Rules = append(rules.Rules[:2:2], plantRule("c", plantRemote(i)))
		vlan := *p.policy.Network(plantNetwork(i))
		vlan.VLAN = 7
		moved := *p.policy.NIC(fmt.Sprintf("member-%d-0", i))
		moved.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 200})}
		local := *p.policy.NIC(fmt.Sprintf("local-%d-0", i))
		local.MAC[5] = 77
		fresh := plantNIC(i, fmt.Sprintf("new-%d", i), 150)
		for name, changes := range map[string][]secgroup.Change{
			"rule": {secgroup.Put(&rules)}, "network": {secgroup.Put(&vlan)}, "member's address": {secgroup.Put(&moved)}, "NIC": {secgroup.Put(&local)},
			"member": {secgroup.Put(fresh), secgroup.Put(&secgroup.Attachment{Group: plantRemote(i), NIC: fresh.ID})},
		} {
			all[what+name] = plantChange{changes, of.concerns}
		}
	}
	return all
}
