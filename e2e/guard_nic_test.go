package e2e

import (
	"net"
	"slices"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/client"
)

// NICs that the guard treats otherwise than most.

// testEnforcementOff: a NIC whose enforcement is off sends and receives what it
// likes; other NICs are judged towards it as towards anyone.
func testEnforcementOff(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("shut", "open")
	none := false
	n.group("shut", func(g *client.GroupSpec) { g.DefaultRules = &none })
	n.group("open", func(g *client.GroupSpec) { g.DefaultRules = &none })
	n.rule("shut", "out", "egress tcp 80 to any")
	n.rule("open", "in", "ingress all from any")
	n.join("shut", "shut")
	n.join("open", "open")
	for _, host := range hosts {
		n.define("free", host)
		spec := n.nicSpec("free", host)
		spec.Enforcement = "off"
		n.putNIC("free", host, spec)
	}
	n.plug("free")
	out := n.machineOutside("out", 200)
	const all = "tcp/80 udp/53 icmp"
	n.expectOf(all, `
		shut -> free: tcp/80
		shut -> open: tcp/80
		shut -> out: tcp/80
		open -> open: `+all+`
		open -> free: `+all+`
		open -> out: `+all+`
		free -> free: `+all+`
		free -> open: `+all+`
		free -> out: `+all+`
		out -> open: `+all+`
		out -> free: `+all)

	free := n.party("free@h1")
	var hails []hail
	say := func(what, to string, heard bool, frames func(w wire) [][]byte) {
		p := n.party(to)
		hails = append(hails, hail{what, free, p, frames(newWire(free, p, n.vlan)), heard})
	}
	asAnother := from(func(w *wire) { w.srcMAC, w.src4, w.src6 = mac("02:ff:00:00:00:01"), ip("192.0.2.1"), ip("2001:db8::1") })
	lldp := func(w wire) [][]byte { return [][]byte{w.ethertype(0x88cc)} }
	for _, host := range hosts {
		say("datagrams as another", "open@"+host, true, asAnother)
		say("datagrams as another", "shut@"+host, false, asAnother)
		say("no IP", "open@"+host, false, lldp)
		say("no IP", "shut@"+host, false, lldp)
	}
	say("datagrams as another", "free@h2", true, asAnother)
	say("datagrams as another", out.Name(), true, asAnother)
	say("no IP", "free@h2", true, lldp)
	say("no IP", out.Name(), true, lldp)
	say("a frame of another VLAN", out.Name(), false, func(w wire) [][]byte { return [][]byte{tagged(w.udp4(53), 0x8100, w.vlan)} })
	n.expectHails(t, hails)
}

// testNoAddresses: a NIC that the policy gives no addresses may only do DHCP,
// whatever its rules allow.
func testNoAddresses(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("open")
	n.group("open")
	n.rule("open", "in", "ingress all from any")
	n.join("open", "open")
	for _, host := range hosts {
		n.define("bare", host)
		spec := n.nicSpec("bare", host)
		spec.Addresses = []string{}
		n.putNIC("bare", host, spec)
	}
	n.plug("bare")
	n.join("open", "bare")
	out := n.machineOutside("out", 200)
	bare := n.party("bare@h1")
	var hails []hail
	say := func(what, to string, heard bool, frames func(w wire) [][]byte) {
		p := n.party(to)
		hails = append(hails, hail{what, bare, p, frames(newWire(bare, p, n.vlan)), heard})
	}
	for _, to := range []string{"open@h1", "open@h2", "bare@h2", out.Name()} {
		say("datagrams from its machine's addresses", to, false, func(w wire) [][]byte { return w.udp(53) })
		say("datagrams from its link-local address", to, false, from(func(w *wire) { w.src4, w.src6 = ip("169.254.0.1"), linkLocal(w.srcMAC) }))
		say("ARP", to, false, func(w wire) [][]byte {
			return [][]byte{w.arp(1, w.srcMAC, w.src4, w.dst4), w.arp(2, w.srcMAC, w.src4, w.dst4), w.arp(1, w.srcMAC, net.IPv4zero, w.dst4)}
		})
		say("neighbour discovery", to, false, func(w wire) [][]byte {
			local := linkLocal(w.srcMAC)
			w.src6 = local
			return [][]byte{
				w.icmp6(255, 135, neighbour(0, w.dst6, ndOption(1, w.srcMAC))), w.icmp6(255, 136, neighbour(0x60, local, ndOption(2, w.srcMAC))),
				w.markedICMP6(255, 133, slices.Concat(make([]byte, 4), w.nonce())),
			}
		})
	}
	say("DHCP", out.Name(), true, func(w wire) [][]byte {
		w.dstMAC, w.dst4, w.src4 = everyMAC(), net.IPv4bcast.To4(), net.IPv4zero
		discover := w.in4(w.ip4(layers.IPProtocolUDP), udp(68, 67), w.payload())
		w.src6 = linkLocal(w.srcMAC)
		w = w.toGroup(ip("ff02::1:2"))
		return [][]byte{discover, w.in6(w.ip6(layers.IPProtocolUDP), udp(546, 547), w.payload())}
	})
	n.expectHailsOf(t, hails, func(h hail) bool { return h.what != "DHCP" }) // which others hear, too
}

// testDHCPServer: what a NIC says and hears as a DHCP server takes the mark of
// the admin, and no rule.
func testDHCPServer(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("vm")
	for _, host := range hosts {
		n.define("server", host)
		spec := n.nicSpec("server", host)
		spec.DHCPServer = true
		n.putNIC("server", host, spec)
	}
	n.plug("server")
	n.groups("shut")
	n.join("shut", "vm", "server")
	ports := func(sport, dport, sport6, dport6 uint16) func(w wire) [][]byte {
		return func(w wire) [][]byte {
			return [][]byte{
				w.in4(w.ip4(layers.IPProtocolUDP), udp(sport, dport), w.payload()), w.in6(w.ip6(layers.IPProtocolUDP), udp(sport6, dport6), w.payload()),
			}
		}
	}
	answer, question := ports(67, 68, 547, 546), ports(68, 67, 546, 547)
	var hails []hail
	say := func(what, from, to string, heard bool, frames func(w wire) [][]byte) {
		f, p := n.party(from), n.party(to)
		hails = append(hails, hail{what, f, p, frames(newWire(f, p, n.vlan)), heard})
	}
	for _, host := range hosts {
		say("an answer of a server", "server@h1", "vm@"+host, true, answer)
		say("a question to a server", "vm@h1", "server@"+host, true, question)
		say("a datagram of a server", "server@h1", "vm@"+host, false, func(w wire) [][]byte { return w.udp(53) })
		say("an answer of a server in another's name", "server@h1", "vm@"+host, false, func(w wire) [][]byte {
			w.src4, w.src6 = ip("10.0.0.1"), ip("fd00::1")
			return answer(w)
		})
	}
	say("an answer of no server", "vm@h1", "server@h1", false, answer)
	say("an answer of no server", "vm@h1", "server@h2", false, answer)
	say("an answer of no server", "vm@h1", "vm@h2", false, answer)
	say("a question to no server", "server@h1", "vm@h2", false, question)
	n.expectHails(t, hails)
}
