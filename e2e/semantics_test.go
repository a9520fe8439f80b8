package e2e

import (
	"errors"
	"testing"

	"github.com/ringfence/ringfence/client"
)

// sentence is one of docs/semantics.md, with what it means in packets. Every
// role has a VM on each of the two hosts, so that each pair of roles is asked
// on one host and across, with one answer for both. Each change is checked at
// the moment that the API says it is in force.
type sentence struct {
	name, quote string
	show        func(n *tenant)
}

// TestSemantics shows every sentence in one data centre, all at once.
func TestSemantics(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	empty := map[string][]string{}
	for _, h := range hosts {
		eventually(t, longest, func() error {
			if empty[h] = flows(t, dc.lab.Host(h)); len(empty[h]) == 0 {
				return errors.New("no flows yet")
			}
			return nil
		})
	}
	t.Run("sentences", func(t *testing.T) {
		for _, list := range [][]sentence{
			membershipSentences, connectionSentences, peerSentences, egressSentences, matchSentences,
		} {
			for _, s := range list {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					t.Log(s.quote)
					s.show(dc.newTenant(t))
				})
			}
		}
	})
	// No NIC is left on any host, so no flow of any NIC may be.
	for _, h := range hosts {
		expectFlows(t, dc.lab.Host(h), empty[h])
	}
}

var connectionSentences = []sentence{{
	"both ends",
	"allowed(connection) = Egress(source NIC) AND Ingress(destination NIC)",
	func(n *tenant) {
		n.play("client", "server")
		n.groups("client", "server")
		n.join("client", "client")
		n.join("server", "server")
		n.expect("")
		n.rule("server", "in", "ingress all from any")
		n.expect("* -> server: " + usual)
		n.patch("client", "egress_policy", "listed")
		n.expect("server -> server: " + usual)
		n.rule("client", "out", "egress all to any")
		n.expect("* -> server: " + usual)
		n.unrule("server", "in")
		n.expect("")
	},
}, {
	"an end that is no NIC of ours",
	"an end that is no NIC of ours is not judged",
	func(n *tenant) {
		n.play("vm")
		n.outside("out", 200)
		n.groups("g")
		n.join("g", "vm")
		n.expect("vm -> out: " + usual)
		n.rule("g", "in", "ingress tcp 80 from 10.0.0.200/32")
		n.expect("vm -> out: " + usual + "\nout -> vm: tcp4/80")
		n.rule("g", "out", "egress icmp to any")
		n.expect("vm -> out: icmp\nout -> vm: tcp4/80")
		n.unrule("g", "out")
		n.unrule("g", "in")
		n.expect("vm -> out: " + usual)
	},
}, {
	"in whatever order they were plugged",
	"The answer is the same whether the two NICs share a host or not, and in whatever order they were plugged.",
	func(n *tenant) {
		// The rules are there before any NIC, the server before the client; a
		// third role comes when the others have talked.
		n.groups("client", "server")
		n.rule("server", "in", "ingress all from client")
		for _, role := range []string{"server", "client", "late"} {
			for _, host := range hosts {
				n.define(role, host)
			}
		}
		n.join("server", "server")
		n.join("client", "client", "late")
		n.plug("server")
		n.plug("client")
		n.plug("late")
		n.expect("client -> server: " + usual + "\nlate -> server: " + usual)
		for _, role := range []string{"server", "client"} {
			n.unplug(role)
			n.plug(role)
			n.expect("client -> server: " + usual + "\nlate -> server: " + usual)
		}
	},
}, {
	"replies",
	"Established: replies … of an allowed connection pass without a rule of their own.",
	func(n *tenant) {
		n.play("client", "server")
		// Neither the server's egress nor the client's ingress would allow them.
		n.group("client", egressPolicy("listed"))
		n.group("server", egressPolicy("listed"))
		n.join("client", "client")
		n.join("server", "server")
		n.expect("")
		n.rule("client", "out", "egress all to server")
		n.expect("")
		n.rule("server", "in", "ingress all from client")
		n.expect("client -> server: " + usual)
	},
}, {
	"ICMP errors",
	"… and RELATED packets (ICMP errors) of an allowed connection pass without a rule of their own.",
	func(n *tenant) {
		n.play("client", "server")
		n.groups("client", "server")
		n.join("client", "client")
		n.join("server", "server")
		n.rule("server", "in", "ingress udp 9999 from client")
		for _, server := range hosts {
			for _, family := range []int{4, 6} {
				n.expectRefused("client@h1", "server@"+server, family, 9999)
				n.expectSilent("client@h1", "server@"+server, family, 9998)
			}
		}
	},
}}

func egressPolicy(policy string) func(*client.GroupSpec) {
	return func(s *client.GroupSpec) { s.EgressPolicy = policy }
}

func listedNetworks(networks ...string) func(*client.GroupSpec) {
	return func(s *client.GroupSpec) { s.NetworkScope, s.Networks = "listed", networks }
}

func withDefaultRules(s *client.GroupSpec) { s.DefaultRules = nil }
