package e2e

import (
	"testing"

	"github.com/ringfence/ringfence/client"
)

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
