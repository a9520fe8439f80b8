package e2e

import (
	"net/netip"

	"github.com/ringfence/ringfence/client"
)

// The sentences of §2 and of the default rules.
var membershipSentences = []sentence{{
	"the default group",
	"If that is empty: the account's default group … a NIC is never unfiltered. / Two default rules on creation: ingress all from the group itself, egress all to the group itself",
	func(n *tenant) {
		n.play("a", "b")
		n.expect("* -> *: " + usual)
		n.groups("lonely")
		n.join("lonely", "b") // no longer in the default group
		n.expect("a -> a: " + usual + "\na -> b:")
		n.leave("lonely", "b")
		n.expect("* -> *: " + usual)
	},
}, {
	"default rules",
	"origin: default, deletable, absent with default_rules: false",
	func(n *tenant) {
		n.play("a", "b")
		n.group("with", withDefaultRules)
		n.group("without")
		n.join("with", "a")
		n.join("without", "b")
		n.expect("a -> a: " + usual)
		n.join("with", "b")
		n.expect("* -> *: " + usual)
		n.t.Log("deleted like any other rule")
		rules, err := client.Collect(n.api.Rules(n.t.Context(), n.account, "with"))
		if err != nil {
			n.t.Fatal(err)
		}
		for _, r := range rules {
			n.unrule("with", r.ID)
		}
		n.expect("")
	},
}, {
	"groups of the instance",
	"G(n) = groups attached to n ∪ groups attached to n's instance (all its NICs, present and future)",
	func(n *tenant) {
		n.groups("web")
		n.rule("web", "in", "ingress tcp 80 from any")
		n.define("a", "h1")
		n.attachInstance("web", "a", "h1")
		n.define("a", "h2") // its NIC is made before the attachment
		n.attachInstance("web", "a", "h2")
		n.plug("a")
		n.play("b")
		n.expect("* -> a: tcp/80\nb -> b: " + usual)
		n.groups("ping")
		n.rule("ping", "in", "ingress icmp from any")
		n.join("ping", "a")
		n.expect("* -> a: tcp/80 icmp\nb -> b: " + usual)
		n.detachInstance("web", "a", "h1")
		n.detachInstance("web", "a", "h2")
		n.expect("* -> a: icmp\nb -> b: " + usual)
	},
}, {
	"network scope",
	"each only if its network scope contains n's network (any, or listed and the network is in the list)",
	func(n *tenant) {
		n.must(n.api.PutNetwork(n.t.Context(), n.network+"-other", client.NetworkSpec{
			Type: "vpc", VPC: "other-" + n.account, VLAN: int(n.dc.vlan()), Prefixes: []string{"10.9.0.0/24"},
		}))
		n.play("a", "b")
		n.group("g", listedNetworks(n.network))
		n.group("base")
		n.rule("g", "in", "ingress all from g")
		n.join("g", "a", "b")
		n.join("base", "a", "b")
		n.expect("* -> *: " + usual)
		n.change(func(opts ...client.CallOption) error {
			return n.api.AddGroupNetwork(n.t.Context(), n.account, "g", n.network+"-other", opts...)
		})
		n.change(func(opts ...client.CallOption) error {
			return n.api.RemoveGroupNetwork(n.t.Context(), n.account, "g", n.network, opts...)
		})
		n.expect("")
		n.change(func(opts ...client.CallOption) error {
			return n.api.AddGroupNetwork(n.t.Context(), n.account, "g", n.network, opts...)
		})
		n.expect("* -> *: " + usual)
	},
}, {
	"members need no plug",
	"Membership follows the NIC's existence, not its power state or whether it is plugged.",
	func(n *tenant) {
		n.play("server")
		n.groups("server", "peers")
		n.join("server", "server")
		n.rule("server", "in", "ingress all from peers")
		// An outside machine has the address of a NIC that is nowhere plugged.
		out := n.outside("out", 200)
		n.expect("server -> out: " + usual)
		spec := client.NICSpec{
			Account: n.account, Network: n.network, MAC: "02:00:00:00:00:c8",
			Addresses: []string{out.Node.Address(4).String(), out.Node.Address(6).String()},
		}
		n.change(func(opts ...client.CallOption) error {
			_, err := n.api.PutNIC(n.t.Context(), n.account+"-unplugged", spec, opts...)
			return err
		})
		n.change(func(opts ...client.CallOption) error {
			return n.api.AttachNIC(n.t.Context(), n.account, n.account+"-unplugged", "peers", opts...)
		})
		n.expect("server -> out: " + usual + "\nout -> server: " + usual)
		n.change(func(opts ...client.CallOption) error {
			return n.api.DeleteNIC(n.t.Context(), n.account+"-unplugged", opts...)
		})
		n.expect("server -> out: " + usual)
	},
}, {
	"allowed addresses",
	"a /32 or /128 there is a member address too, a wider prefix never is",
	func(n *tenant) {
		n.play("client", "server")
		n.groups("client", "server")
		n.join("client", "client")
		n.join("server", "server")
		n.rule("server", "in", "ingress all from client")
		for _, c := range []struct{ narrow, host, wide, inWide, onLink string }{
			{"10.0.0.111", "/32", "10.0.0.128/26", "10.0.0.131", "/24"},
			{"fd00::111", "/128", "fd00::1:0/120", "fd00::1:31", "/64"},
		} {
			for _, a := range []string{c.narrow, c.inWide} {
				if err := n.party("client@h1").Node.AddAddress(netip.MustParsePrefix(a + c.onLink)); err != nil {
					n.t.Fatal(err)
				}
				n.expectFrom("client@h1", a, false)
			}
			spec := n.nicSpec("client", "h1")
			spec.AllowedAddresses = []string{c.narrow + c.host, c.wide}
			n.putNIC("client", "h1", spec)
			n.expectFrom("client@h1", c.narrow, true)
			n.expectFrom("client@h1", c.inWide, false)
			n.rule("server", "wide", "ingress icmp from "+c.wide)
			n.expectFrom("client@h1", c.inWide, true)
		}
	},
}}
