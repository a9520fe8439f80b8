package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
)

// longest is how long what must come is waited for, and how long an answer may
// be held back until a change is in force: generous, as the machine may be an
// emulated one or have other work. What is promised sooner is held against how
// slow the machine is, by package slowness.
const longest = time.Minute

// tenant is an account with a VPC of one network, its VMs and groups. Every
// tenant has the same prefixes, and thus VMs with the same addresses, as
// every other of the data centre: each test is also one of that.
type tenant struct {
	t       *testing.T
	dc      *datacentre
	api     *client.Client
	account string
	network string
	vlan    uint16
	macs    string // the first five bytes of the VMs' MACs
	roles   []string
	vms     map[string]*lab.VM // by party
	parties []*matrix.Party
	latest  int64 // revision that holds the NICs
}

// newTenant makes the account and the network.
func (dc *datacentre) newTenant(t *testing.T) *tenant {
	t.Helper()
	vlan := dc.vlan()
	n := &tenant{
		t: t, dc: dc, api: dc.stack.Client, vlan: vlan,
		account: fmt.Sprintf("acct-%d", vlan), network: fmt.Sprintf("net-%d", vlan),
		vms:  map[string]*lab.VM{},
		macs: fmt.Sprintf("02:%02x:%02x:00:00", vlan>>8, vlan&0xff),
	}
	n.must(n.api.PutAccount(t.Context(), n.account, client.AccountSpec{}))
	n.must(n.api.PutNetwork(t.Context(), n.network, client.NetworkSpec{
		Type: "vpc", VPC: "vpc-" + n.account, VLAN: int(vlan), Prefixes: []string{"10.0.0.0/24", "fd00::/64"},
	}))
	t.Cleanup(func() {
		var vms []*lab.VM
		for _, v := range n.vms {
			vms = append(vms, v)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's own has ended
		defer cancel()
		if err := dc.lab.Remove(ctx, vms...); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *tenant) must(_ any, err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// octet is the last part of a VM's addresses: 11 is the first role's on the
// first host, 12 the same on the second, 21 the second role's.
func (n *tenant) octet(role, host string) int {
	return 10*(slices.Index(n.roles, role)+1) + slices.Index(hosts, host) + 1
}

// play makes a VM of each role on every host, with an instance and a NIC of
// the party's name, plugs it and waits until it is ready.
func (n *tenant) play(roles ...string) {
	n.t.Helper()
	for _, role := range roles {
		for _, host := range hosts {
			n.define(role, host)
		}
	}
	n.plug(roles...)
}

// define makes a role's instance and NIC on a host in the API and the machine
// in the lab, not plugged yet.
func (n *tenant) define(role, host string) {
	n.t.Helper()
	if !slices.Contains(n.roles, role) {
		n.roles = append(n.roles, role)
	}
	n.must(n.api.PutInstance(n.t.Context(), n.account, n.instance(role, host), client.InstanceSpec{Name: role}))
	n.machine(role, host)
	var meta client.Meta
	n.must(n.api.PutNIC(n.t.Context(), n.nic(role, host), n.nicSpec(role, host), client.Into(&meta)))
	n.latest = max(n.latest, meta.Revision)
}

// machine makes the VM only.
func (n *tenant) machine(role, host string) *lab.VM {
	n.t.Helper()
	if !slices.Contains(n.roles, role) {
		n.roles = append(n.roles, role)
	}
	spec := n.nicSpec(role, host)
	node := lab.NodeSpec{MAC: spec.MAC}
	for _, a := range spec.Addresses {
		addr := netip.MustParseAddr(a)
		node.Addresses = append(node.Addresses, netip.PrefixFrom(addr, map[bool]int{true: 24, false: 64}[addr.Is4()]))
	}
	return n.machineOf(role, host, node)
}

// machineOf makes a VM as the spec says; its name is the party's.
func (n *tenant) machineOf(role, host string, spec lab.NodeSpec) *lab.VM {
	n.t.Helper()
	spec.Name = n.account + "/" + role + "@" + host
	vm, err := n.dc.lab.Host(host).VM(n.nic(role, host), spec)
	if err != nil {
		n.t.Fatal(err)
	}
	p := newParty(n.t, role, host, vm.Node)
	n.vms[p.Name()] = vm
	n.parties = append(n.parties, p)
	return vm
}

// nic is the id of a role's NIC on a host.
func (n *tenant) nic(role, host string) string { return n.network + "-" + role + "-" + host }

// instance is the id of a role's VM on a host.
func (n *tenant) instance(role, host string) string { return n.network + "-" + role + "-" + host }

func (n *tenant) nicSpec(role, host string) client.NICSpec {
	octet := n.octet(role, host)
	return client.NICSpec{
		Account: n.account, Instance: n.instance(role, host), Network: n.network,
		MAC:       fmt.Sprintf("%s:%02x", n.macs, octet),
		Addresses: []string{fmt.Sprintf("10.0.0.%d", octet), fmt.Sprintf("fd00::%d", octet)},
	}
}

// plug adds the roles' VMs to their bridges and waits until they are ready.
func (n *tenant) plug(roles ...string) {
	n.t.Helper()
	for _, host := range hosts {
		var vms []*lab.VM
		for _, role := range roles {
			if vm := n.vms[role+"@"+host]; vm != nil {
				vms = append(vms, vm)
			}
		}
		if len(vms) == 0 {
			continue
		}
		if err := n.dc.lab.Host(host).Plug(n.t.Context(), vms...); err != nil {
			n.t.Fatal(err)
		}
	}
	n.awaitReady(roles...)
}

// awaitReady waits until the NICs' hosts enforce their policy as of when the
// latest NIC was made.
func (n *tenant) awaitReady(roles ...string) {
	n.t.Helper()
	for _, role := range roles {
		for _, host := range hosts {
			if n.vms[role+"@"+host] == nil {
				continue
			}
			eventually(n.t, longest, func() error {
				nic, err := n.api.NIC(n.t.Context(), n.account, n.nic(role, host))
				if err == nil && (!nic.Ready || nic.Host != host || nic.RealizedRevision < n.latest) {
					err = fmt.Errorf("NIC %s: ready %t on host %q at revision %d, want %d", nic.ID, nic.Ready, nic.Host, nic.RealizedRevision, n.latest)
				}
				return err
			})
		}
	}
}

// party finds "role@host".
func (n *tenant) party(name string) *matrix.Party {
	n.t.Helper()
	for _, p := range n.parties {
		if p.Name() == name {
			return p
		}
	}
	n.t.Fatalf("no party %q", name)
	return nil
}

// change makes a change that must be in force when it is answered, and
// returns when that was.
func (n *tenant) change(do func(opts ...client.CallOption) error) time.Time {
	n.t.Helper()
	var meta client.Meta
	asked := time.Now()
	err := do(client.Wait(longest), client.Into(&meta))
	answered := time.Now()
	switch {
	case err != nil:
		n.t.Fatal(err)
	case meta.Status == http.StatusAccepted:
		n.t.Fatalf("not in force after %s: %+v", answered.Sub(asked), meta.Realization)
	case !meta.Waited:
		n.t.Fatalf("status %d without Preference-Applied: wait", meta.Status)
	}
	return answered
}

// unplug removes the roles' VMs from their bridges and waits until that is
// known.
func (n *tenant) unplug(roles ...string) {
	n.t.Helper()
	for _, role := range roles {
		for _, host := range hosts {
			if err := n.dc.lab.Host(host).Unplug(n.t.Context(), n.vms[role+"@"+host]); err != nil {
				n.t.Fatal(err)
			}
			eventually(n.t, longest, func() error {
				nic, err := n.api.NIC(n.t.Context(), n.account, n.nic(role, host))
				if err == nil && nic.Ready {
					err = fmt.Errorf("NIC %s is ready and unplugged", nic.ID)
				}
				return err
			})
		}
	}
}
