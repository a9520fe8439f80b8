package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// revocation takes away what allows the client's open connections to the
// servers. A friend's connections stay allowed by a rule of their own.
type revocation struct {
	name string
	// allow lets the client reach the server with everything.
	allow func(n *tenant)
	// take takes that away and returns when that was answered.
	take func(n *tenant) time.Time
	// friendTo is the role that the friend talks to, if not the server.
	friendTo string
}

// TestRevocation shows: "One that nothing allows any more is cut in both
// directions, also when only the replying side sends, within a second of the
// change being applied. One that another rule still allows is not disturbed:
// not one packet lost."
func TestRevocation(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	turns := make(chan struct{}, 4) // each has dozens of streams: more at a time would measure the machine
	for _, r := range revocations {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			r.run(t, dc)
		})
	}
}

// run is one of TestRevocation.
func (r revocation) run(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("client", "friend", "server")
	n.groups("client", "friend", "server", "peers")
	n.join("client", "client")
	n.join("friend", "friend")
	n.join("server", "server")
	n.rule("server", "friend", "ingress all from friend")
	n.rule("client", "friend", "ingress all from friend")
	r.allow(n)
	if r.friendTo == "" {
		r.friendTo = "server"
	}
	cut := n.hold("client@h1", "server", traffic.StreamSpec{}, traffic.StreamSpec{SilentClient: true}, traffic.StreamSpec{SilentServer: true})
	kept := n.hold("friend@h1", r.friendTo, traffic.StreamSpec{})
	for _, h := range append(cut, kept...) {
		h.expectAlive(t)
	}
	before := time.Now()
	answered := r.take(n)
	t.Logf("in force %s after it was asked for", answered.Sub(before).Round(time.Millisecond))
	time.Sleep(1200 * time.Millisecond) // what must not arrive has its time; TCP tries again after 0.2, 0.6 and 1.4 s
	for _, h := range cut {
		expectCut(t, h.Stream, h.client, h.server, answered)
	}
	for _, h := range kept {
		expectUndisturbed(t, h.Stream, h.client, h.server, before)
	}
}

func allowByMembers(n *tenant) {
	n.join("peers", "client")
	n.rule("server", "in", "ingress all from peers")
}

var revocations = []revocation{{
	name:  "rule deleted",
	allow: func(n *tenant) { n.rule("server", "in", "ingress all from any") },
	take:  func(n *tenant) time.Time { return n.unrule("server", "in") },
}, {
	// Then what the server sends is no answer any more, but may begin anew.
	name: "rule deleted while the client lets all in",
	allow: func(n *tenant) {
		n.rule("server", "in", "ingress all from any")
		n.rule("client", "in", "ingress all from any")
	},
	take: func(n *tenant) time.Time { return n.unrule("server", "in") },
}, {
	name:  "rule disabled",
	allow: allowByMembers,
	take:  func(n *tenant) time.Time { return n.rule("server", "in", "ingress all from peers disabled") },
}, {
	name:  "rule narrowed",
	allow: func(n *tenant) { n.rule("server", "in", "ingress all from any") },
	take:  func(n *tenant) time.Time { return n.rule("server", "in", "ingress tcp 1-79 from client") },
}, {
	name:  "rule moved to another prefix",
	allow: func(n *tenant) { n.rule("server", "in4", "ingress all from 10.0.0.0/24"); allowSix(n) },
	take: func(n *tenant) time.Time {
		n.rule("server", "in6", "ingress all from fd00:1::/64")
		return n.rule("server", "in4", "ingress all from 10.0.1.0/24 and peers")
	},
}, {
	name:  "membership of the remote group",
	allow: allowByMembers,
	take:  func(n *tenant) time.Time { return n.leave("peers", "client@h1") },
}, {
	name: "membership through the instance",
	allow: func(n *tenant) {
		n.attachInstance("peers", "client", "h1")
		n.rule("server", "in", "ingress all from peers")
	},
	take: func(n *tenant) time.Time { return n.detachInstance("peers", "client", "h1") },
}, {
	name: "the server's group detached",
	allow: func(n *tenant) {
		n.groups("public")
		n.rule("public", "in", "ingress all from any")
		n.join("public", "server")
	},
	take: func(n *tenant) time.Time { return n.leave("public", "server") },
}, {
	name:  "the client's address",
	allow: allowByMembers,
	take: func(n *tenant) time.Time {
		spec := n.nicSpec("client", "h1")
		spec.Addresses = []string{"10.0.0.211", "fd00::211"}
		return n.putNIC("client", "h1", spec)
	},
}, {
	name: "a remote member's address",
	allow: func(n *tenant) {
		n.join("peers", "server")
		n.rule("server", "in", "ingress all from any")
		n.rule("client", "out", "egress all to peers")
	},
	take: func(n *tenant) (answered time.Time) {
		for i, host := range hosts {
			spec := n.nicSpec("server", host)
			spec.Addresses = []string{fmt.Sprintf("10.0.0.%d", 221+i), fmt.Sprintf("fd00::%d", 221+i)}
			answered = n.putNIC("server", host, spec)
		}
		return answered
	},
	friendTo: "client",
}, {
	name:  "a remote NIC deleted",
	allow: allowByMembers,
	take: func(n *tenant) time.Time {
		return n.change(func(opts ...client.CallOption) error {
			return n.api.DeleteNIC(n.t.Context(), n.nic("client", "h1"), opts...)
		})
	},
}, {
	name:  "the remote group's scope",
	allow: allowByMembers,
	take:  func(n *tenant) time.Time { return n.scopeElsewhere("peers") },
}, {
	name: "the judging group's scope",
	allow: func(n *tenant) {
		n.groups("public")
		n.rule("public", "in", "ingress all from any")
		n.join("public", "server")
	},
	take: func(n *tenant) time.Time { return n.scopeElsewhere("public") },
}, {
	name:  "the remote group deleted",
	allow: allowByMembers,
	take: func(n *tenant) time.Time {
		return n.change(func(opts ...client.CallOption) error {
			return n.api.DeleteGroup(n.t.Context(), n.account, "peers", append(opts, client.Cascade("attachments", "references"))...)
		})
	},
}, {
	name:  "egress restricted",
	allow: func(n *tenant) { n.rule("server", "in", "ingress all from any") },
	take:  func(n *tenant) time.Time { return n.patch("client", "egress_policy", "listed") },
}, {
	name: "egress rule deleted",
	allow: func(n *tenant) {
		n.rule("server", "in", "ingress all from any")
		n.patch("client", "egress_policy", "listed")
		n.rule("client", "out", "egress all to server")
	},
	take: func(n *tenant) time.Time { return n.unrule("client", "out") },
}}

func allowSix(n *tenant) { n.rule("server", "in6", "ingress all from fd00::/64") }

// scopeElsewhere limits a group to a network where nobody is.
func (n *tenant) scopeElsewhere(group string) time.Time {
	n.t.Helper()
	other := n.network + "-other"
	n.must(n.api.PutNetwork(n.t.Context(), other, client.NetworkSpec{
		Type: "vpc", VPC: "other-" + n.account, VLAN: int(n.dc.vlan()), Prefixes: []string{"10.9.0.0/24"},
	}))
	return n.change(func(opts ...client.CallOption) error {
		_, err := n.api.PatchGroup(n.t.Context(), n.account, group,
			map[string]any{"network_scope": "listed", "networks": []string{other}}, opts...)
		return err
	})
}

// TestStillAllowed shows that a connection that two rules allow outlives
// either: whichever of them it was credited to.
func TestStillAllowed(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("client", "server")
	n.groups("client", "server", "peers", "extra")
	n.join("client", "client")
	n.join("peers", "client")
	n.join("server", "server")
	rules := []struct{ group, id, text string }{
		{"server", "any", "ingress all from any"},
		{"server", "members", "ingress all from peers"},
		{"server", "four", "ingress all from 10.0.0.0/24"},
		{"server", "six", "ingress all from fd00::/16"},
		{"server", "both", "ingress all from peers and fd00::/64"},
		{"server", "tcp", "ingress tcp 1-65535 from client"},
		{"server", "udp", "ingress udp 1-65535 from client"},
	}
	for _, r := range rules {
		n.rule(r.group, r.id, r.text)
	}
	held := n.hold("client@h1", "server", traffic.StreamSpec{})
	since := time.Now()
	for _, r := range rules {
		n.unrule(r.group, r.id)
		n.rule(r.group, r.id, r.text)
	}
	for _, r := range rules[1:] {
		n.unrule(r.group, r.id)
	}
	n.rule("extra", "any", "ingress all from any")
	n.join("extra", "server")
	n.unrule("server", "any")
	n.join("peers", "server")
	n.leave("peers", "client")
	for _, h := range held {
		expectUndisturbed(t, h.Stream, h.client, h.server, since)
	}
	answered := n.leave("extra", "server")
	time.Sleep(500 * time.Millisecond) // what must not arrive has its time; TCP tries again after 0.2 s
	for _, h := range held {
		expectCut(t, h.Stream, h.client, h.server, answered)
	}
}

// held is a stream with its ends.
type held struct {
	*traffic.Stream
	client, server *matrix.Party
}

// hold opens streams from a party to a role's VM on each host, over TCP and
// UDP, IPv4 and IPv6, one of each for every spec.
func (n *tenant) hold(from, to string, specs ...traffic.StreamSpec) (open []held) {
	n.t.Helper()
	port := uint16(20000)
	for _, host := range hosts {
		for _, proto := range []string{"tcp", "udp"} {
			for _, family := range []int{4, 6} {
				for _, spec := range specs {
					port++
					spec.Every = 40 * time.Millisecond
					h := held{client: n.party(from), server: n.party(to + "@" + host)}
					h.Stream = openStream(n.t, h.client, h.server, proto, family, port, spec)
					open = append(open, h)
				}
			}
		}
	}
	if _, err := n.dc.lab.DropsSince(n.t.Context(), time.Now()); err != nil { // what the lab loses counts from here
		n.t.Fatal(err)
	}
	return open
}

// expectAlive checks that messages of each sending side come to arrive.
func (h held) expectAlive(t *testing.T) {
	t.Helper()
	eventually(t, longest, func() error {
		if got := h.ToServer.Arrived(); (got > 0) == h.Spec.SilentClient {
			return fmt.Errorf("%s %s > %s: %d messages reached the server", h.Spec.Proto, h.client.Name(), h.server.Name(), got)
		}
		if got := h.ToClient.Arrived(); (got > 0) == h.Spec.SilentServer {
			return fmt.Errorf("%s %s > %s: %d messages reached the client", h.Spec.Proto, h.client.Name(), h.server.Name(), got)
		}
		return nil
	})
}
