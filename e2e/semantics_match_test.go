package e2e

// The sentences about what a rule matches.
var matchSentences = []sentence{{
	"all",
	"all = every IP protocol, no ports may be given",
	func(n *tenant) {
		const ported, others = "tcp/80 tcp/1 udp/65535 icmp icmp4/13", "ip/47 ip/253"
		n.play("a", "b")
		n.groups("a", "b")
		n.join("a", "a")
		n.join("b", "b")
		n.expectOneWay("a", "b", others, "")
		n.rule("b", "in", "ingress all from a")
		n.expectOf(ported, "a -> b: "+ported)
		n.expectOneWay("a", "b", others, "a -> b: "+others)
		n.rule("b", "in", "ingress ipv6 all from a")
		n.expectOf(ported, "a -> b: tcp6/80 tcp6/1 udp6/65535 icmp6")
		n.expectOneWay("a", "b", others, "a -> b: ip6/47 ip6/253")
	},
}, {
	"port ranges",
	"tcp/udp: destination port in [port_min, port_max], 1-65535, both absent = all, only port_min = that port",
	func(n *tenant) {
		const asked = "tcp/1 tcp/1023 tcp/1024 tcp/1025 tcp/2047 tcp/2048 tcp/65535 udp/1024 udp/2048"
		n.play("a", "b")
		n.groups("a", "b")
		n.join("a", "a")
		n.join("b", "b")
		n.rule("b", "in", "ingress tcp 1024-2047 from any")
		n.expectOf(asked, "* -> b: tcp/1024 tcp/1025 tcp/2047")
		n.rule("b", "in", "ingress tcp 1024 from any")
		n.expectOf(asked, "* -> b: tcp/1024")
		n.rule("b", "in", "ingress tcp 1023-1025 from a")
		n.expectOf(asked, "a -> b: tcp/1023 tcp/1024 tcp/1025")
		n.rule("b", "in", "ingress tcp from any")
		n.expectOf(asked, "* -> b: tcp/1 tcp/1023 tcp/1024 tcp/1025 tcp/2047 tcp/2048 tcp/65535")
		n.rule("b", "in", "ingress udp 1-2047 from any")
		n.expectOf(asked, "* -> b: udp/1024")
		n.rule("b", "in", "ingress tcp 2-65535 from a")
		n.expectOf(asked, "a -> b: tcp/1023 tcp/1024 tcp/1025 tcp/2047 tcp/2048 tcp/65535")
	},
}, {
	"ICMP",
	"icmp = ICMP for IPv4, ICMPv6 for IPv6: absent or -1/-1 = all messages, else type (0-255) and code (0-255; needs a definite family)",
	func(n *tenant) {
		const asked = "icmp icmp4/13 tcp/80"
		n.play("a", "b")
		n.groups("a", "b")
		n.join("a", "a")
		n.join("b", "b")
		n.rule("b", "in", "ingress icmp from a")
		n.expectOf(asked, "a -> b: icmp icmp4/13")
		n.rule("b", "in", "ingress icmp -1/-1 from a")
		n.expectOf(asked, "a -> b: icmp icmp4/13")
		n.rule("b", "in", "ingress ipv4 icmp 8 from any")
		n.expectOf(asked, "* -> b: icmp4")
		n.rule("b", "in", "ingress ipv4 icmp 8/0 from a")
		n.expectOf(asked, "a -> b: icmp4")
		n.rule("b", "in", "ingress ipv4 icmp 8/1 from a")
		n.expectOf(asked, "")
		n.rule("b", "in", "ingress ipv4 icmp 13/0 from a")
		n.expectOf(asked, "a -> b: icmp4/13")
		n.rule("b", "in", "ingress ipv6 icmp 128/0 from a")
		n.expectOf(asked, "a -> b: icmp6")
	},
}, {
	"protocol numbers",
	"A number 0-255 = that IP protocol.",
	func(n *tenant) {
		const asked = "ip/47 ip/253 ip4/50"
		n.play("a", "b")
		n.groups("a", "b")
		n.join("a", "a")
		n.join("b", "b")
		n.rule("b", "in", "ingress 47 from a")
		n.expectOneWay("a", "b", asked, "a -> b: ip/47")
		n.rule("b", "in", "ingress 253 from any")
		n.expectOneWay("a", "b", asked, "a -> b: ip/253")
		n.rule("b", "in", "ingress ipv4 50 from 10.0.0.11/32 and a")
		n.expectOneWay("a", "b", asked, "a@h1 -> b: ip4/50")
		n.rule("b", "in", "ingress 6 from a")
		n.expect("a -> b: tcp/80")
		n.expectOneWay("a", "b", asked, "")
	},
}}
