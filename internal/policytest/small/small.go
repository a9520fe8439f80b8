// Package small has a policy that a test can take in at a glance: the NICs a1, a2, …
// (10.0.0.1 and fd00::1, …) of one account in one network, and the groups web and db,
// which nobody is in until the test attaches them.
package small

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Policy holds the groups as they are by now, by their id.
type Policy struct {
	Group map[string]*secgroup.Group
}

// New returns the policy with the default group's own rules, and no others.
func New() *Policy {
	p := &Policy{Group: map[string]*secgroup.Group{}}
	for _, id := range []string{"default", "web", "db"} {
		g := &secgroup.Group{GroupRef: Ref(id), Name: id, IsDefault: id == "default"}
		if g.IsDefault {
			n := 0
			g.Rules = secgroup.DefaultRules(g.GroupRef, func() string { n++; return fmt.Sprintf("d%d", n) })
		}
		g.Normalize()
		p.Group[id] = g
	}
	return p
}

// Ref names a group of the account.
func Ref(group string) secgroup.GroupRef { return secgroup.GroupRef{Account: "acme", ID: group} }

// Base puts the account, the network and the groups: everything but NICs and attachments.
func (p *Policy) Base() []secgroup.Change {
	a := &secgroup.Account{ID: "acme"}
	a.Normalize()
	n := &secgroup.Network{ID: "net", Type: secgroup.NetworkVPC, VPC: "blue", Prefixes: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/64"),
	}}
	n.Normalize()
	changes := []secgroup.Change{secgroup.Put(a), secgroup.Put(n)}
	for _, g := range p.Group {
		changes = append(changes, secgroup.Put(g))
	}
	return changes
}

// With puts a group after an edit of its rules or settings. The group as it was stays as it was.
func (p *Policy) With(group string, edit func(*secgroup.Group)) secgroup.Change {
	g := *p.Group[group]
	g.Rules = slices.Clone(g.Rules)
	edit(&g)
	g.Normalize()
	g.Sort()
	p.Group[group] = &g
	return secgroup.Put(&g)
}

// Rule adds a rule: "ingress tcp 80", from a group or "" for everybody.
func (p *Policy) Rule(group, id string, d secgroup.Direction, proto secgroup.Protocol, port uint16, remote string) secgroup.Change {
	return p.With(group, func(g *secgroup.Group) {
		r := secgroup.Rule{ID: id, Direction: d, Protocol: proto, PortMin: port, Enabled: true}
		if remote != "" {
			r.RemoteGroup = Ref(remote)
		}
		r.Normalize()
		g.Rules = append(g.Rules, r)
	})
}

// NoRule takes a rule away.
func (p *Policy) NoRule(group, id string) secgroup.Change {
	return p.With(group, func(g *secgroup.Group) {
		g.Rules = slices.DeleteFunc(g.Rules, func(r secgroup.Rule) bool { return r.ID == id })
	})
}

// NIC is the NIC number n, "a<n>".
func NIC(n int) *secgroup.NIC {
	nic := &secgroup.NIC{
		ID: fmt.Sprintf("a%d", n), Account: "acme", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, byte(n >> 8), byte(n)},
		Addresses: []netip.Addr{Address4(n), Address6(n)},
	}
	nic.Normalize()
	return nic
}

// Address4 is the IPv4 address of the NIC number n.
func Address4(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }

// Address6 is the IPv6 address of the NIC number n.
func Address6(n int) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(n >> 8), 15: byte(n)})
}

// Attach attaches a group to a NIC.
func Attach(group, nic string) *secgroup.Attachment {
	return &secgroup.Attachment{Group: Ref(group), NIC: nic}
}
