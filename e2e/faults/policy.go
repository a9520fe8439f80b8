package faults

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/secgroup"
)

// What everything belongs to.
const (
	accountID = "acct"
	networkID = "net"
	vpcID     = "vpc"
	vlanID    = 100
)

// prefixes are the network's.
var prefixes = []string{"10.0.0.0/24", "fd00::/64"}

// machine is a VM of the scene.
type machine struct {
	name   string
	host   string // where it begins
	moves  bool   // it may be migrated
	octet  int
	groups []string
	// instance has the groups instead of the NIC, if it is not "".
	instance string
}

// machines are the VMs: clients, servers, strangers, one whose egress is opened
// and shut, one whose NIC comes and goes in the policy, one that is filtered or
// not, and one that moves from host to host. What s2 sends is restricted.
var machines = []machine{
	{name: "c1", host: "h1", octet: 11, groups: []string{"client"}},
	{name: "c2", host: "h2", octet: 12, groups: []string{"client"}},
	{name: "s1", host: "h1", octet: 21, groups: []string{"server"}},
	{name: "s2", host: "h2", octet: 22, groups: []string{"server", "listed"}},
	{name: "x1", host: "h1", octet: 31, groups: []string{"stranger"}},
	{name: "x2", host: "h2", octet: 32, groups: []string{"stranger"}},
	{name: "e1", host: "h1", octet: 41, groups: []string{"client", "eg"}},
	{name: "n2", host: "h2", octet: 62, groups: []string{"server"}, instance: "instance-n2"},
	{name: "f2", host: "h2", octet: 72, groups: []string{"stranger"}},
	{name: "m", host: "h1", moves: true, octet: 51, groups: []string{"client"}},
}

func (m machine) nic() string { return "nic-" + m.name }
func (m machine) mac() string {
	return "02:00:00:00:00:" + strconv.FormatInt(int64(0x100+m.octet), 16)[1:]
}

// address is the machine's of a family, 4 or 6.
func (m machine) address(family int) netip.Addr {
	if family == 4 {
		return netip.AddrFrom4([4]byte{10, 0, 0, byte(m.octet)})
	}
	return netip.AddrFrom16([16]byte{0: 0xfd, 15: byte(m.octet)})
}

// spec is what the API is told of the machine's NIC.
func (m machine) spec() client.NICSpec {
	return client.NICSpec{Account: accountID, Instance: m.instance, Network: networkID, MAC: m.mac(), Addresses: []string{m.address(4).String(), m.address(6).String()}}
}

func machineNamed(name string) machine {
	all := append(slices.Clone(machines), outsiders...)
	return all[slices.IndexFunc(all, func(m machine) bool { return m.name == name })]
}

// fixedRules hold all the time, by group.
var fixedRules = []struct{ group, id, text string }{
	{"server", "udp", "ingress udp 5000 from client"},
	{"server", "tcp", "ingress tcp 5000 from client"},
	{"server", "eg", "ingress udp 5001 from client"},
	{"server", "mem0", "ingress udp 7100 from mem0"},
	{"server", "mem1", "ingress udp 7101 from mem1"},
	{"client", "udp", "ingress udp 6000 from server"},
	{"client", "tcp", "ingress tcp 6000 from server"},
	{"listed", "udp", "egress udp 6000 to client"},
	{"listed", "tcp", "egress tcp 6000 to client"},
}

// groupIDs are all groups beside the default one.
var groupIDs = []string{"client", "server", "stranger", "listed", "eg", "mem0", "mem1"}

// policy is what verdict judges by, under construction.
type policy struct {
	rules    map[string][]secgroup.Rule // by group
	egress   map[string]secgroup.EgressPolicy
	attached map[string][]string // by machine
	absent   map[string]bool     // machines whose NICs the policy does not know
	open     map[string]bool     // machines that are not filtered
}

func newPolicy() *policy {
	p := &policy{rules: map[string][]secgroup.Rule{}, egress: map[string]secgroup.EgressPolicy{"listed": secgroup.EgressListed}, attached: map[string][]string{},
		absent: map[string]bool{}, open: map[string]bool{}}
	for _, r := range fixedRules {
		p.rule(r.group, r.id, r.text)
	}
	for _, m := range machines {
		p.attached[m.name] = slices.Clone(m.groups)
	}
	return p
}

// rule adds a rule to a group.
func (p *policy) rule(group, id, text string) {
	p.rules[group] = append(p.rules[group], domainRule(id, mustRule(text)))
}

func mustRule(text string) client.RuleSpec {
	spec, err := stack.ParseRule(text)
	if err != nil {
		panic(err) // the texts are constants
	}
	return spec
}

// domainRule is the rule that the API makes of a spec.
func domainRule(id string, spec client.RuleSpec) secgroup.Rule {
	r := secgroup.Rule{
		ID: id, Direction: secgroup.Direction(spec.Direction), Family: secgroup.FamilyAny, Protocol: secgroup.Protocol(spec.Protocol),
		Enabled: spec.Enabled == nil || *spec.Enabled, Origin: secgroup.OriginUser,
	}
	if spec.PortMin != nil {
		r.PortMin = uint16(*spec.PortMin)
		r.PortMax = r.PortMin
	}
	if spec.RemoteGroup != nil {
		r.RemoteGroup = secgroup.GroupRef{Account: accountID, ID: *spec.RemoteGroup}
	}
	if spec.RemoteCIDR != nil {
		r.RemoteCIDR = netip.MustParsePrefix(*spec.RemoteCIDR).Masked()
		r.Family = secgroup.FamilyIPv6
		if r.RemoteCIDR.Addr().Is4() {
			r.Family = secgroup.FamilyIPv4
		}
	}
	return r
}

// snapshot is the whole policy.
func (p *policy) snapshot() *secgroup.Snapshot {
	s := secgroup.NewSnapshot()
	network := &secgroup.Network{ID: networkID, Type: secgroup.NetworkVPC, VPC: vpcID, RoutingDomain: "vpc:" + vpcID}
	for _, text := range prefixes {
		network.Prefixes = append(network.Prefixes, netip.MustParsePrefix(text))
	}
	changes := []secgroup.Change{secgroup.Put(network), secgroup.Put(&secgroup.Account{ID: accountID})}
	for _, id := range groupIDs {
		g := &secgroup.Group{
			GroupRef: secgroup.GroupRef{Account: accountID, ID: id}, Name: id,
			EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny, Rules: slices.Clone(p.rules[id]),
		}
		if e, ok := p.egress[id]; ok {
			g.EgressPolicy = e
		}
		g.Sort()
		changes = append(changes, secgroup.Put(g))
	}
	for _, m := range machines {
		if p.absent[m.name] {
			continue
		}
		enforcement := secgroup.EnforcementOn
		if p.open[m.name] {
			enforcement = secgroup.EnforcementOff
		}
		changes = append(changes, secgroup.Put(&secgroup.NIC{
			ID: m.nic(), Account: accountID, Instance: m.instance, Network: networkID, Enforcement: enforcement,
			Addresses: []netip.Addr{m.address(4), m.address(6)},
		}))
		for _, g := range p.attached[m.name] {
			a := &secgroup.Attachment{Group: secgroup.GroupRef{Account: accountID, ID: g}, NIC: m.nic()}
			if m.instance != "" {
				a.NIC, a.Instance = "", m.instance
			}
			changes = append(changes, secgroup.Put(a))
		}
	}
	s, _ = s.With(1, changes)
	return s
}
