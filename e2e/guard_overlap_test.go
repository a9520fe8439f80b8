package e2e

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/traffic"
)

// testOverlap plays two VPCs with the same prefixes, the same addresses on the
// same hosts, and groups and rules of the same names: neither knows of the
// other.
func testOverlap(t *testing.T, dc *datacentre) {
	a, b := dc.newTenant(t), dc.newTenant(t)
	for _, n := range []*tenant{a, b} {
		n.play("web", "db")
		n.groups("web", "db", "idle")
		n.join("db", "db")
		n.join("idle", "web") // lest the default group judges them
	}
	a.join("web", "web")
	a.rule("db", "in", "ingress tcp 80 from web")
	b.rule("db", "in", "ingress tcp 80 from web") // whose group is empty
	a.expect("web -> db: tcp/80")
	b.expect("")
	b.join("web", "web@h1")
	a.leave("web", "web@h1")
	a.expect("web@h2 -> db: tcp/80")
	b.expect("web@h1 -> db: tcp/80")
	// Nothing gets from one to the other, not even under the other's MAC.
	from := a.party("web@h2")
	s := newSender(t, from.Node)
	begin := time.Now()
	var marks [][]byte
	for _, to := range b.parties {
		w := newWire(from, to, a.vlan)
		marks = append(marks, w.mark)
		s.send(t, w.udp(80)...)
		s.send(t, w.tcp(80, 2)...)
		for _, f := range w.udp(80) {
			s.send(t, tagged(f, 0x8100, b.vlan))
		}
		w.dstMAC = everyMAC
		s.send(t, w.tcp(80, 2)...)
	}
	a.expect("web@h2 -> db: tcp/80") // and by then they have passed
	for _, p := range b.parties {
		for _, mark := range marks {
			if got := p.Capture.Find(begin, func(q *traffic.Packet) bool { return bytes.Contains(q.Frame, mark) }); len(got) > 0 {
				t.Errorf("%s of the other VPC saw %s", p.Name(), got[0].String())
			}
		}
	}
}

// testTypes plays a public and a flat network, each with its VLAN: they share
// the provider's routing domain, so that a rule by group holds across the
// provider's router.
func testTypes(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	vlans := map[string]uint16{}
	for kind, prefixes := range map[string][]string{"public": {"203.0.113.0/24", "2001:db8:1::/64"}, "flat": {"198.51.100.0/24", "2001:db8:2::/64"}} {
		vlans[kind] = dc.vlan()
		n.must(n.api.PutNetwork(t.Context(), kind, client.NetworkSpec{Type: kind, VLAN: int(vlans[kind]), Prefixes: prefixes}))
	}
	router, err := dc.lab.Outside(t.Context(), vlans["public"], lab.NodeSpec{
		Name: "router", Addresses: prefixes(t, "203.0.113.1/24", "2001:db8:1::1/64"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := dc.lab.Extend(t.Context(), router, "eth1", vlans["flat"], lab.NodeSpec{
		Addresses: prefixes(t, "198.51.100.1/24", "2001:db8:2::1/64"),
	}); err != nil {
		t.Fatal(err)
	}
	if err := router.Forward(); err != nil {
		t.Fatal(err)
	}
	n.playIn("public", "203.0.113.", "2001:db8:1::", "web")
	n.playIn("flat", "198.51.100.", "2001:db8:2::", "db")
	n.route("203.0.113.1", "2001:db8:1::1", "web")
	n.route("198.51.100.1", "2001:db8:2::1", "db")
	n.groups("web", "db")
	n.join("web", "web")
	n.join("db", "db")
	n.expect("")
	n.rule("db", "in", "ingress tcp 80 from web")
	n.expect("web -> db: tcp/80")
	n.rule("web", "in", fmt.Sprintf("ingress icmp from %s and db", "198.51.100.0/24"))
	n.expect("web -> db: tcp/80\ndb -> web: icmp4")
}
