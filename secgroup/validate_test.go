package secgroup_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

func TestGroupFaults(t *testing.T) {
	type g = secgroup.Group
	tags := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint(i)] = ""
		}
		return m
	}
	for _, test := range []struct {
		name string
		edit func(*g)
		want []string
	}{
		{"valid", func(*g) {}, nil},
		{"ids", func(g *g) { g.ID, g.Account = "", strings.Repeat("a", 65) }, []string{"/id invalid-value", "/account invalid-value"}},
		{"no name", func(g *g) { g.Name = "" }, []string{"/name invalid-value"}},
		{"name of 255 letters", func(g *g) { g.Name = strings.Repeat("ü", 255) }, nil},
		{"name of 256", func(g *g) { g.Name = strings.Repeat("ü", 256) }, []string{"/name invalid-value"}},
		{"name with a tab", func(g *g) { g.Name = "a\tb" }, []string{"/name invalid-value"}},
		{"name not UTF-8", func(g *g) { g.Name = "a\xff" }, []string{"/name invalid-value"}},
		{"50 tags", func(g *g) { g.Tags = tags(50) }, nil},
		{"51 tags", func(g *g) { g.Tags = tags(51) }, []string{"/tags invalid-value"}},
		{"tags", func(g *g) { g.Tags = map[string]string{"a/b~c": "\n", "": ""} }, []string{"/tags/ invalid-value", "/tags/a~1b~0c invalid-value"}},
		{"policy", func(g *g) { g.EgressPolicy = "closed" }, []string{"/egress_policy invalid-value"}},
		{"scope", func(g *g) { g.NetworkScope = "some" }, []string{"/network_scope invalid-value"}},
		{"scope with no network", func(g *g) { g.NetworkScope = "listed" }, nil},
		{"networks", func(g *g) { g.NetworkScope, g.Networks = "listed", []string{"n1", "n 2"} }, []string{"/networks/1 invalid-value"}},
		{"rules", func(g *g) {
			g.Rules = []secgroup.Rule{rule(), rule(func(r *secgroup.Rule) { r.Direction = "" })}
		}, []string{"/rules/1/direction invalid-value", "/rules/1/id invalid-value"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := g{GroupRef: secgroup.GroupRef{Account: "a", ID: "g"}, Name: "web"}
			test.edit(&g)
			g.Normalize()
			check(t, g.Validate(), test.want...)
		})
	}
}

func TestGroupStoredForm(t *testing.T) {
	g := secgroup.Group{Networks: []string{"b", "a", "b"}, Rules: []secgroup.Rule{{ID: "2", Protocol: "TCP"}, {ID: "1"}}}
	g.Normalize()
	if g.EgressPolicy != "auto" || g.NetworkScope != "any" || g.Rules[0].Protocol != "tcp" || g.Rules[0].ID != "2" {
		t.Errorf("%+v", g)
	}
	g.Sort()
	if !slices.Equal(g.Networks, []string{"a", "b"}) || g.Rules[0].ID != "1" {
		t.Errorf("%+v", g)
	}
}

func TestNetworkFaults(t *testing.T) {
	type n = secgroup.Network
	for _, test := range []struct {
		name   string
		edit   func(*n)
		domain string
		want   []string
	}{
		{"flat", func(*n) {}, "provider", nil},
		{"public", func(n *n) { n.Type = "public" }, "provider", nil},
		{"vpc", func(n *n) { n.Type, n.VPC = "vpc", "blue" }, "vpc:blue", nil},
		{"the operator's domain", func(n *n) { n.Type, n.VPC, n.RoutingDomain = "vpc", "blue", "shared" }, "shared", nil},
		{"id", func(n *n) { n.ID = "" }, "provider", []string{"/id invalid-value"}},
		{"type", func(n *n) { n.Type = "" }, "provider", []string{"/type invalid-value"}},
		{"vpc without one", func(n *n) { n.Type = "vpc" }, "vpc:", []string{"/vpc invalid-value"}},
		{"flat with vpc", func(n *n) { n.VPC = "blue" }, "provider", []string{"/vpc invalid-value"}},
		{"the last vlan", func(n *n) { n.VLAN = 4094 }, "provider", nil},
		{"vlan", func(n *n) { n.VLAN = 4095 }, "provider", []string{"/vlan out-of-range"}},
		{"prefixes", func(n *n) { n.Prefixes = []netip.Prefix{cidr("10.0.0.5/24"), cidr("fd00::/64"), cidr("10.0.1.0/24")} }, "provider", nil},
		{"prefixes overlap", func(n *n) { n.Prefixes = []netip.Prefix{cidr("10.0.0.0/24"), cidr("10.0.0.128/25")} }, "provider", []string{"/prefixes/1 invalid-value"}},
		{"prefix not one of hosts", func(n *n) { n.Prefixes = []netip.Prefix{cidr("224.0.0.0/8"), {}, cidr("::1/128")} }, "provider", []string{"/prefixes/0 invalid-value", "/prefixes/1 invalid-value", "/prefixes/2 invalid-value"}},
		{"domain", func(n *n) { n.RoutingDomain = "a b" }, "a b", []string{"/routing_domain invalid-value"}},
		{"gateways", func(n *n) { n.Gateways = []netip.Addr{addr("10.0.0.1"), addr("fe80::1"), addr("0.0.0.0"), {}} }, "provider", []string{"/gateways/2 invalid-value", "/gateways/3 invalid-value"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := n{ID: "n", Type: "flat"}
			test.edit(&n)
			n.Normalize()
			check(t, n.Validate(), test.want...)
			if n.RoutingDomain != test.domain {
				t.Errorf("routing domain %q", n.RoutingDomain)
			}
		})
	}
}

func TestNICFaults(t *testing.T) {
	type n = secgroup.NIC
	for _, test := range []struct {
		name string
		edit func(*n)
		want []string
	}{
		{"valid", func(*n) {}, nil},
		{"without addresses, of no instance", func(n *n) { n.Addresses, n.Instance = nil, "" }, nil},
		{"ids", func(n *n) { n.ID, n.Account, n.Instance, n.Network = "", "", "/", "" }, []string{"/id invalid-value", "/account invalid-value", "/instance invalid-value", "/network invalid-value"}},
		{"no mac", func(n *n) { n.MAC = secgroup.MAC{} }, []string{"/mac invalid-value"}},
		{"multicast mac", func(n *n) { n.MAC[0] |= 1 }, []string{"/mac invalid-value"}},
		{"IPv4-mapped is IPv4", func(n *n) { n.Addresses = []netip.Addr{addr("::ffff:10.0.0.5")} }, nil},
		{"addresses not of a host", func(n *n) {
			n.Addresses = []netip.Addr{addr("0.0.0.0"), addr("224.0.0.1"), addr("127.0.0.1"), addr("255.255.255.255"), addr("::"), addr("ff02::1"), addr("::1"), {}, addr("fe80::1%eth0")}
		}, []string{
			"/addresses/0 invalid-value", "/addresses/1 invalid-value", "/addresses/2 invalid-value", "/addresses/3 invalid-value", "/addresses/4 invalid-value",
			"/addresses/5 invalid-value", "/addresses/6 invalid-value", "/addresses/7 invalid-value", "/addresses/8 invalid-value",
		}},
		{"address twice", func(n *n) { n.Addresses = []netip.Addr{addr("10.0.0.5"), addr("::ffff:10.0.0.5")} }, []string{"/addresses/1 invalid-value"}},
		{"allowed", func(n *n) {
			n.AllowedAddresses = []netip.Prefix{cidr("10.0.0.9/32"), cidr("10.0.0.9/24"), cidr("0.0.0.0/0"), cidr("::ffff:10.0.0.7/128")}
		}, nil},
		{"allowed not of a host", func(n *n) { n.AllowedAddresses = []netip.Prefix{cidr("224.0.0.1/32"), {}, cidr("::/128")} }, []string{"/allowed_addresses/0 invalid-value", "/allowed_addresses/1 invalid-value", "/allowed_addresses/2 invalid-value"}},
		{"allowed twice", func(n *n) { n.AllowedAddresses = []netip.Prefix{cidr("10.0.0.1/24"), cidr("10.0.0.2/24")} }, []string{"/allowed_addresses/1 invalid-value"}},
		{"too many", func(n *n) {
			for i := range 257 {
				n.Addresses = append(n.Addresses, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
			}
		}, []string{"/addresses invalid-value"}},
		{"enforcement", func(n *n) { n.Enforcement = "maybe" }, []string{"/enforcement invalid-value"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := n{ID: "n1", Account: "a", Instance: "i", Network: "net", MAC: secgroup.MAC{0x52, 0x54}, Addresses: []netip.Addr{addr("10.0.0.5"), addr("fd00::5")}}
			test.edit(&n)
			n.Normalize()
			check(t, n.Validate(), test.want...)
		})
	}
}

func TestNICFaultsOfItsNetwork(t *testing.T) {
	net := secgroup.Network{ID: "net", Prefixes: []netip.Prefix{cidr("10.0.0.0/24"), cidr("fd00::/64")}}
	nic := secgroup.NIC{Addresses: []netip.Addr{addr("10.0.0.5"), addr("10.0.1.5"), addr("fd00::5"), addr("fd01::5"), addr("fe80::5")}}
	check(t, secgroup.NICFaults(nic, net), "/addresses/1 invalid-value", "/addresses/3 invalid-value")
	check(t, secgroup.NICFaults(nic, secgroup.Network{}))
	check(t, secgroup.NICFaults(nic, secgroup.Network{Prefixes: []netip.Prefix{cidr("10.0.0.0/16")}})) // none of IPv6: any will do
	check(t, secgroup.NICFaults(secgroup.NIC{Addresses: []netip.Addr{addr("169.254.0.5")}}, net), "/addresses/0 invalid-value")
}

func TestAccountInstanceBaselineFaults(t *testing.T) {
	a := secgroup.Account{ID: "a"}
	a.Normalize()
	check(t, a.Validate())
	if a.EgressPolicyDefault != "auto" || a.EgressOpenGuard != "allow" {
		t.Errorf("%+v", a)
	}
	a = secgroup.Account{ID: " ", EgressPolicyDefault: "x", EgressOpenGuard: "y", Quotas: map[string]int{"nics": -1, "groups": 0}}
	check(t, a.Validate(), "/id invalid-value", "/egress_policy_default invalid-value", "/egress_open_guard invalid-value", "/quotas/nics out-of-range")

	check(t, secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "a", ID: "i"}}.Validate())
	check(t, secgroup.Instance{Name: "\x00"}.Validate(), "/id invalid-value", "/account invalid-value", "/name invalid-value")

	b := secgroup.Baseline{Addresses: []secgroup.BaselineAddress{{Address: addr("::ffff:169.254.169.254"), Protocol: "TCP", Port: 80}}}
	b.Normalize()
	check(t, b.Validate())
	b = secgroup.Baseline{Addresses: []secgroup.BaselineAddress{
		{Address: addr("169.254.169.254"), Protocol: "tcp", Port: 80}, {Protocol: "all"}, {Address: addr("169.254.169.254"), Protocol: "tcp", Port: 80, Description: "\x00"},
	}}
	check(t, b.Validate(), "/addresses/1/address invalid-value", "/addresses/1/protocol invalid-value", "/addresses/1/port out-of-range",
		"/addresses/2/description invalid-value", "/addresses/2 invalid-value")
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "A-z.0_9": true, strings.Repeat("a", 64): true, "01890a5d-ac96-774b-bcce-b302099a8057": true,
		"": false, strings.Repeat("a", 65): false, "a/b": false, "a b": false, "ä": false, "a:b": false, "a\n": false, "a%": false,
	} {
		if secgroup.ValidID(id) != want {
			t.Errorf("%q", id)
		}
	}
}

func TestFaultsNameThemselves(t *testing.T) {
	f := secgroup.Faults{{Pointer: "/port_min", Code: "invalid-value", Detail: "bad"}, {Pointer: "/id", Code: "invalid-value", Detail: "worse"}}
	if got := f.At("/rules/3").Error(); got != "/rules/3/port_min: bad (invalid-value)\n/rules/3/id: worse (invalid-value)" {
		t.Error(got)
	}
	if f[0].Pointer != "/port_min" {
		t.Error("At changed the faults it was given")
	}
	if got := secgroup.Pointer("a/b", 2, "~", secgroup.KindNIC); got != "/a~1b/2/~0/nic" {
		t.Error(got)
	}
}

func TestMAC(t *testing.T) {
	m, err := secgroup.ParseMAC("52:54:00:AB:cd:01")
	if err != nil || m.String() != "52:54:00:ab:cd:01" || !m.IsUnicast() {
		t.Errorf("%v, %v", m, err)
	}
	if got := m.LinkLocal(); got != addr("fe80::5054:ff:feab:cd01") {
		t.Errorf("link-local %v", got)
	}
	for _, in := range []string{"", "52:54:00:ab:cd", "52:54:00:ab:cd:01:02:03", "52:54:00:ab:cd:0g"} {
		if _, err := secgroup.ParseMAC(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}
