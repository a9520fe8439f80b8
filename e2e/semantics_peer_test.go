package e2e

import "github.com/ringfence/ringfence/client"

// The sentences about peer sets and ingress.
var peerSentences = []sentence{{
	"cidr only",
	"Peer set of a rule seen from NIC n: cidr only → the cidr",
	func(n *tenant) {
		n.play("client", "server")
		n.groups("client", "server")
		n.join("client", "client")
		n.join("server", "server")
		n.rule("server", "in4", "ingress all from 10.0.0.11/32")
		n.expect("client@h1 -> server: tcp4/80 udp4/53 icmp4")
		n.rule("server", "in4", "ingress all from 10.0.0.8/29") // .8-.15: both clients
		n.expect("client -> server: tcp4/80 udp4/53 icmp4")
		n.rule("server", "in6", "ingress all from fd00::12/128")
		n.expect("client -> server: tcp4/80 udp4/53 icmp4\nclient@h2 -> server: tcp6/80 udp6/53 icmp6")
		n.rule("server", "in6", "ingress all from fd00::/64")
		n.expect("client -> server: tcp4/80 udp4/53 icmp4\n* -> server: tcp6/80 udp6/53 icmp6")
		n.unrule("server", "in4")
		n.expect("* -> server: tcp6/80 udp6/53 icmp6")
		n.unrule("server", "in6")
		n.expect("")
	},
}, {
	"group only",
	"group only → M(remote_group) in n's routing domain",
	func(n *tenant) {
		n.play("client", "server", "other")
		n.groups("client", "server", "other", "peers")
		n.join("client", "client")
		n.join("server", "server")
		n.join("other", "other")
		n.rule("server", "in", "ingress all from peers")
		n.expect("")
		n.join("peers", "client")
		n.expect("client -> server: " + usual)
		n.join("peers", "other@h1")
		n.expect("client -> server: " + usual + "\nother@h1 -> server: " + usual)
		n.leave("peers", "client@h1")
		n.expect("client@h2 -> server: " + usual + "\nother@h1 -> server: " + usual)
		n.leave("peers", "other@h1", "client@h2")
		n.expect("")
	},
}, {
	"cidr and group",
	"both → the intersection, kept current … An empty intersection is legal; the rule shows inert: \"empty-intersection\".",
	func(n *tenant) {
		n.play("client", "server")
		n.groups("client", "server", "peers")
		n.join("client", "client")
		n.join("server", "server")
		n.rule("server", "both4", "ingress all from 10.0.0.11/32 and peers")
		n.rule("server", "both6", "ingress all from peers and fd00::/64")
		n.expect("")
		n.expectInert("server", "both4", true)
		n.join("peers", "client@h2") // in fd00::/64, not 10.0.0.11
		n.expect("client@h2 -> server: tcp6/80 udp6/53 icmp6")
		n.expectInert("server", "both4", true)
		n.join("peers", "client@h1")
		n.expect("client -> server: tcp6/80 udp6/53 icmp6\nclient@h1 -> server: tcp4/80 udp4/53 icmp4")
		n.expectInert("server", "both4", false)
		n.rule("server", "both4", "ingress tcp 80 from 10.0.0.0/24 and peers")
		n.expect("client -> server: tcp6/80 udp6/53 icmp6 tcp4/80")
		n.leave("peers", "client")
		n.expect("")
	},
}, {
	"neither cidr nor group",
	"neither → everything",
	func(n *tenant) {
		n.play("client", "server")
		n.outside("out", 200)
		n.groups("client", "server")
		n.join("client", "client")
		n.join("server", "server")
		n.rule("server", "in", "ingress tcp 80 from any")
		n.expect("* -> server: tcp/80\nclient -> out: " + usual + "\nserver -> out: " + usual)
		n.rule("server", "in", "ingress ipv6 tcp 80 from any")
		n.expect("* -> server: tcp6/80\nclient -> out: " + usual + "\nserver -> out: " + usual)
	},
}, {
	"ingress",
	"Ingress(n) is allowed iff an enabled ingress rule of some g ∈ G(n) matches, peer = the source address.",
	func(n *tenant) {
		n.play("client", "server")
		n.groups("client", "server")
		n.join("client", "client")
		n.join("server", "server")
		n.rule("server", "in", "ingress all from client disabled")
		n.expect("")
		n.rule("server", "in", "ingress all from client")
		n.expect("client -> server: " + usual)
		n.rule("server", "in", "ingress all from client disabled")
		n.expect("")
		n.rule("server", "in", "egress all to client") // an egress rule lets nothing in
		n.expect("")
	},
}, {
	"several groups",
	"Several groups: union. Rules of one group are shared by all its NICs.",
	func(n *tenant) {
		n.play("a", "b")
		n.groups("web", "dns", "ping", "idle")
		n.rule("web", "in", "ingress tcp 80 from any")
		n.rule("dns", "in", "ingress udp 53 from idle")
		n.rule("ping", "in", "ingress icmp from 10.0.0.0/24")
		n.join("idle", "a", "b")
		n.expect("")
		n.join("web", "a", "b")
		n.expect("* -> *: tcp/80")
		n.join("dns", "b")
		n.expect("* -> *: tcp/80\n* -> b: udp/53")
		n.join("ping", "b@h1")
		n.expect("* -> *: tcp/80\n* -> b: udp/53\n* -> b@h1: icmp4")
		n.leave("web", "b")
		n.expect("* -> a: tcp/80\n* -> b: udp/53\n* -> b@h1: icmp4")
		n.rule("dns", "in", "ingress udp 53 from web")
		n.expect("* -> a: tcp/80\na -> b: udp/53\n* -> b@h1: icmp4")
	},
}, {
	"a group's end",
	"deleted with ?cascade=attachments,references in the same transaction",
	func(n *tenant) {
		n.play("client", "server")
		n.groups("client", "server", "peers")
		n.join("client", "client")
		n.join("peers", "client")
		n.join("server", "server")
		n.rule("server", "in", "ingress all from peers")
		n.rule("server", "tcp", "ingress tcp from client")
		n.expect("client -> server: " + usual)
		n.change(func(opts ...client.CallOption) error {
			return n.api.DeleteGroup(n.t.Context(), n.account, "peers", append(opts, client.Cascade("attachments", "references"))...)
		})
		n.expect("client -> server: tcp/80")
	},
}}
