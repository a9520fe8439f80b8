package e2e

// The sentences about egress.
var egressSentences = []sentence{{
	"egress by rule",
	"Egress(n) is allowed iff n is not egress-restricted, or an enabled egress rule of some g ∈ G(n) matches, peer = the destination.",
	func(n *tenant) {
		n.play("client", "server", "other")
		n.groups("client", "open")
		n.rule("open", "in", "ingress all from any")
		n.join("client", "client")
		n.join("open", "server", "other")
		n.expect("* -> server: " + usual + "\n* -> other: " + usual)
		n.rule("client", "out", "egress udp 53 to 10.0.0.21/32") // server@h1
		n.expect("client -> server@h1: udp4/53\nserver -> server: " + usual + "\nserver -> other: " + usual +
			"\nother -> other: " + usual + "\nother -> server: " + usual)
		n.groups("servers")
		n.join("servers", "server")
		n.rule("client", "out", "egress tcp 80 to servers")
		n.expect("client -> server: tcp/80\nserver -> server: " + usual + "\nserver -> other: " + usual +
			"\nother -> other: " + usual + "\nother -> server: " + usual)
		n.rule("client", "out", "egress all to servers and 10.0.0.22/32")
		n.expect("client -> server@h2: tcp4/80 udp4/53 icmp4\nserver -> server: " + usual + "\nserver -> other: " + usual +
			"\nother -> other: " + usual + "\nother -> server: " + usual)
		n.unrule("client", "out")
		n.expect("* -> server: " + usual + "\n* -> other: " + usual)
	},
}, {
	"listed",
	"n is egress-restricted iff some g ∈ G(n) has egress_policy: listed …",
	func(n *tenant) {
		n.play("a", "b")
		n.groups("in", "plain")
		n.rule("in", "in", "ingress all from any")
		n.join("in", "a", "b")
		n.expect("* -> *: " + usual)
		n.group("strict", egressPolicy("listed"))
		n.join("strict", "a")
		n.expect("b -> *: " + usual)
		n.join("plain", "a") // a further group opens nothing
		n.expect("b -> *: " + usual)
		n.rule("plain", "out", "egress icmp to any")
		n.expect("b -> *: " + usual + "\na -> *: icmp")
		n.patch("strict", "egress_policy", "auto")
		n.expect("b -> *: " + usual + "\na -> *: icmp") // by plain's rule, now
		n.unrule("plain", "out")
		n.expect("* -> *: " + usual)
	},
}, {
	"auto",
	"… or has egress_policy: auto and at least one egress rule (enabled or not) besides the intra-group one (egress, all, remote_group = itself, no cidr).",
	func(n *tenant) {
		n.play("a", "b")
		n.groups("in", "g")
		n.rule("in", "in", "ingress all from any")
		n.join("in", "a", "b")
		n.join("g", "a")
		n.rule("g", "out", "egress all to g")
		n.expect("* -> *: " + usual) // the intra-group one does not restrict
		n.rule("g", "out", "egress tcp to g")
		n.expect("b -> *: " + usual + "\na -> a: tcp/80") // any other does
		n.rule("g", "out", "egress all to g")
		n.rule("g", "more", "egress icmp to 192.0.2.0/24 disabled")
		n.expect("b -> *: " + usual + "\na -> a: " + usual)
		n.unrule("g", "more")
		n.expect("* -> *: " + usual)
	},
}, {
	"both families",
	"It holds for IPv4 and IPv6 together.",
	func(n *tenant) {
		n.play("a", "b")
		n.groups("in", "g")
		n.rule("in", "in", "ingress all from any")
		n.join("in", "a", "b")
		n.join("g", "a")
		n.expect("* -> *: " + usual)
		n.rule("g", "out", "egress ipv4 all to any")
		n.expect("b -> *: " + usual + "\na -> *: tcp4/80 udp4/53 icmp4")
		n.rule("g", "out", "egress tcp to fd00::/64")
		n.expect("b -> *: " + usual + "\na -> *: tcp6/80")
	},
}, {
	"open",
	"open never restricts.",
	func(n *tenant) {
		n.play("a", "b")
		n.groups("in")
		n.rule("in", "in", "ingress all from any")
		n.join("in", "a", "b")
		n.group("g", egressPolicy("open"))
		n.rule("g", "out", "egress icmp to any")
		n.join("g", "a")
		n.expect("* -> *: " + usual)
		n.patch("g", "egress_policy", "auto")
		n.expect("b -> *: " + usual + "\na -> *: icmp")
		n.patch("g", "egress_policy", "open")
		n.expect("* -> *: " + usual)
	},
}, {
	"with no rules",
	"auto is the default: \"with no rules, ingress is denied and egress is allowed\".",
	func(n *tenant) {
		n.play("inside")
		n.outside("out", 200)
		n.groups("g")
		n.join("g", "inside")
		n.expect("inside -> out: " + usual)
	},
}}
