package controller

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// policy is a small policy: the NICs a1, a2, … (10.0.0.1 and fd00::1, …) of one
// account in one network, and the groups web and db, which nobody is in.
type policy struct {
	group map[string]*secgroup.Group
}

func newPolicy() *policy {
	p := &policy{group: map[string]*secgroup.Group{}}
	for _, id := range []string{"default", "web", "db"} {
		g := &secgroup.Group{GroupRef: ref(id), Name: id, IsDefault: id == "default"}
		if g.IsDefault {
			n := 0
			g.Rules = secgroup.DefaultRules(g.GroupRef, func() string { n++; return fmt.Sprintf("d%d", n) })
		}
		g.Normalize()
		p.group[id] = g
	}
	return p
}

func ref(group string) secgroup.GroupRef { return secgroup.GroupRef{Account: "acme", ID: group} }

// base is everything but NICs.
func (p *policy) base() []secgroup.Change {
	a := &secgroup.Account{ID: "acme"}
	a.Normalize()
	n := &secgroup.Network{ID: "net", Type: secgroup.NetworkVPC, VPC: "blue", Prefixes: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/64"),
	}}
	n.Normalize()
	changes := []secgroup.Change{secgroup.Put(a), secgroup.Put(n)}
	for _, g := range p.group {
		changes = append(changes, secgroup.Put(g))
	}
	return changes
}

// with puts a group with some more rules, or other settings.
func (p *policy) with(group string, edit func(*secgroup.Group)) secgroup.Change {
	g := *p.group[group]
	g.Rules = slices.Clone(g.Rules)
	edit(&g)
	g.Normalize()
	g.Sort()
	p.group[group] = &g
	return secgroup.Put(&g)
}

// rule adds a rule: "ingress tcp 80", from a group or "" for everybody.
func (p *policy) rule(group, id string, d secgroup.Direction, proto secgroup.Protocol, port uint16, remote string) secgroup.Change {
	return p.with(group, func(g *secgroup.Group) {
		r := secgroup.Rule{ID: id, Direction: d, Protocol: proto, PortMin: port, Enabled: true}
		if remote != "" {
			r.RemoteGroup = ref(remote)
		}
		r.Normalize()
		g.Rules = append(g.Rules, r)
	})
}

// services lets everybody use what group web's VMs serve, by TCP and by UDP.
func (p *policy) services() []secgroup.Change {
	return []secgroup.Change{p.rule("web", "tcp", secgroup.Ingress, "tcp", tcpService, ""), p.rule("web", "udp", secgroup.Ingress, "udp", udpService, "")}
}

// noRule takes a rule away.
func (p *policy) noRule(group, id string) secgroup.Change {
	return p.with(group, func(g *secgroup.Group) {
		g.Rules = slices.DeleteFunc(g.Rules, func(r secgroup.Rule) bool { return r.ID == id })
	})
}

// nic is the NIC number n, "a<n>".
func nic(n int) *secgroup.NIC {
	nic := &secgroup.NIC{
		ID: fmt.Sprintf("a%d", n), Account: "acme", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, byte(n >> 8), byte(n)},
		Addresses: []netip.Addr{address4(n), address6(n)},
	}
	nic.Normalize()
	return nic
}

func address4(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }

func address6(n int) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(n >> 8), 15: byte(n)})
}

func attach(group, nic string) *secgroup.Attachment {
	return &secgroup.Attachment{Group: ref(group), NIC: nic}
}
