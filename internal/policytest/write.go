package policytest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Lines writes a policy of the universe in the language of semantics.txt: read after a
// heading it is the same policy to package verdict. Names, descriptions and whom groups
// are shared with decide nothing, and are left out.
func Lines(s *secgroup.Snapshot) []string {
	var lines []string
	add := func(words ...any) { lines = append(lines, strings.TrimSuffix(fmt.Sprintln(words...), "\n")) }
	for _, was := range networks() {
		n := s.Network(was.ID)
		if n == nil {
			continue
		}
		if n.VLAN != was.VLAN {
			add("network", n.ID, "vlan", n.VLAN)
		}
		if n.RoutingDomain != was.RoutingDomain {
			add("network", n.ID, "domain", n.RoutingDomain)
		}
		if !slices.Equal(n.Gateways, was.Gateways) {
			add(append([]any{"network", n.ID, "gateway"}, anys(n.Gateways)...)...)
		}
	}
	for _, b := range s.Baseline().Addresses {
		add("baseline", b.Protocol, b.Address, b.Port)
	}
	// Rules name groups, so that these come first.
	for _, account := range accounts {
		for _, g := range s.Groups(account) {
			words := []any{"group", groupWord(g.GroupRef), g.EgressPolicy}
			if g.NetworkScope == secgroup.ScopeListed {
				words = append(append(words, "in"), anys(g.Networks)...)
			} else {
				words = append(words, "any")
			}
			add(words...)
			if g.IsDefault { // a scenario begins with rules of its own there
				add("no", "rule", groupWord(g.GroupRef)+"/d1")
				add("no", "rule", groupWord(g.GroupRef)+"/d2")
			}
		}
	}
	for _, account := range accounts {
		for _, g := range s.Groups(account) {
			for i := range g.Rules {
				add("rule", groupWord(g.GroupRef)+"/"+g.Rules[i].ID, ruleWords(&g.Rules[i]))
			}
		}
	}
	for _, n := range s.NICs() {
		add("nic", groupWord(secgroup.GroupRef{Account: n.Account, ID: n.ID}), n.Network, nicWords(n))
	}
	for _, account := range accounts {
		for _, g := range s.Groups(account) {
			for _, a := range s.AttachmentsOfGroup(g.GroupRef) {
				if a.Instance != "" {
					add("attach", groupWord(g.GroupRef), "instance", a.Instance)
				} else {
					add("attach", groupWord(g.GroupRef), a.NIC)
				}
			}
		}
	}
	return lines
}

// groupWord is the inverse of groupRef.
func groupWord(r secgroup.GroupRef) string {
	if r.Account == accounts[0] {
		return r.ID
	}
	return r.Account + ":" + r.ID
}

func ruleWords(r *secgroup.Rule) string {
	words := []string{string(r.Direction), string(r.Protocol)}
	add := func(there bool, format string, args ...any) {
		if there {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(r.PortMin != 0 && r.PortMax == 0, "%d", r.PortMin)
	add(r.PortMax != 0, "%d-%d", r.PortMin, r.PortMax)
	add(r.ICMPType.Set, "type %d", r.ICMPType.Value)
	add(r.ICMPCode.Set, "code %d", r.ICMPCode.Value)
	add(r.Family != secgroup.FamilyAny, "%s", r.Family)
	add(r.RemoteCIDR.IsValid(), "cidr %s", r.RemoteCIDR)
	add(r.RemoteGroup != secgroup.GroupRef{}, "group %s", groupWord(r.RemoteGroup))
	add(!r.Enabled, "disabled")
	return strings.Join(words, " ")
}

func nicWords(n *secgroup.NIC) string {
	words := []string{}
	for _, a := range n.Addresses {
		words = append(words, a.String())
	}
	words = append(words, "mac", n.MAC.String())
	if n.Instance != "" {
		words = append(words, "instance", n.Instance)
	}
	if n.Enforcement == secgroup.EnforcementOff {
		words = append(words, "off")
	}
	if n.DHCPServer {
		words = append(words, "dhcp-server")
	}
	if len(n.AllowedAddresses) > 0 {
		words = append(words, "allowed")
	}
	for _, p := range n.AllowedAddresses {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// Line writes a packet as a scenario does, with what verdict says of it.
func (c *Case) Line(s *secgroup.Snapshot) string {
	end := func(n *secgroup.NIC, a netip.Addr) string {
		if n == nil {
			return a.String()
		}
		return n.ID + "@" + a.String()
	}
	egress, ingress, allow := verdict.Decide(s, c.Src, c.Dst, c.Packet)
	var why []string
	if egress != nil {
		why = append(why, Explain(secgroup.Egress, *egress))
	}
	if ingress != nil {
		why = append(why, Explain(secgroup.Ingress, *ingress))
	}
	answer := "deny"
	if allow {
		answer = "allow"
	}
	return fmt.Sprintf("%s > %s %s : %s (%s)", end(c.Src, c.Packet.Src), end(c.Dst, c.Packet.Dst), c.Packet.Payload(), answer, strings.Join(why, ", "))
}

func anys[T any](from []T) []any {
	out := make([]any, len(from))
	for i := range from {
		out[i] = from[i]
	}
	return out
}
