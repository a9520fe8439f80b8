package e2e

import (
	"bytes"
	"fmt"
	"strings"
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
	b.play("web", "db", "only")
	a.play("web", "db")
	for _, n := range []*tenant{a, b} {
		n.groups("web", "db", "idle")
		n.join("db", "db")
		n.join("idle", "web") // lest the default group judges them
	}
	b.join("idle", "only")
	a.join("web", "web")
	a.rule("db", "in", "ingress tcp 80-81 from web")
	b.rule("db", "in", "ingress tcp 80-81 from web") // whose group is empty
	a.expect("web -> db: tcp/80")
	b.expect("")
	b.join("web", "web@h1")
	a.leave("web", "web@h1")
	a.expect("web@h2 -> db: tcp/80")
	b.expect("web@h1 -> db: tcp/80")
	a.expectTraces("web@h2")
	b.expectTraces("web@h1")
	a.expectConnections("web@h2")
	b.expectConnections("web@h1")
	// Nor does a VM of one have the addresses of a VM of the other.
	a.rule("db", "dns", "ingress udp 53 from any")
	var hails []hail
	for _, host := range hosts {
		web, db := a.party("web@h1"), a.party("db@"+host)
		own, theirs := newWire(web, db, a.vlan), newWire(web, db, a.vlan)
		theirs.src4, theirs.src6 = ip("10.0.0.31"), ip("fd00::31")
		hails = append(hails, hail{"datagrams of its own", web, db, own.udp(53), true},
			hail{"datagrams from an address of the other VPC", web, db, theirs.udp(53), false})
	}
	a.expectHails(t, hails)
	a.unrule("db", "dns")
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
		w.dstMAC = everyMAC()
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

// expectTraces traces TCP port 80 from every web to every db, given by NIC and
// by address: only the one is let through, and all is this VPC's own.
func (n *tenant) expectTraces(allowed string) {
	n.t.Helper()
	for _, web := range hosts {
		for _, db := range hosts {
			for _, to := range []client.TraceEnd{{NIC: n.nic("db", db)}, {Address: n.party("db@" + db).Node.Address(4).String()}} {
				spec := client.TraceSpec{
					Source: client.TraceEnd{NIC: n.nic("web", web)}, Destination: to, Family: "ipv4", Protocol: "tcp", Port: 80,
				}
				trace, err := n.api.Trace(n.t.Context(), n.account, spec)
				if err != nil {
					n.t.Fatal(err)
				}
				want := map[bool]string{true: "allow", false: "deny"}["web@"+web == allowed]
				if trace.Verdict != want || trace.Agreement == nil || !*trace.Agreement || len(trace.Legs) != 2 {
					n.t.Errorf("trace %+v: %+v, expected %s", spec, trace, want)
				}
				for i, l := range trace.Legs {
					if nic := []string{n.nic("web", web), n.nic("db", db)}[i]; l.NIC != nic || l.Host != []string{web, db}[i] || l.Hidden {
						n.t.Errorf("trace %+v: leg of NIC %s on %s, expected %s", spec, l.NIC, l.Host, nic)
					}
				}
			}
		}
	}
}

// expectConnections opens a connection from the one web to every db and checks
// that the VPC is told of it, and of no connection of others.
func (n *tenant) expectConnections(from string) {
	n.t.Helper()
	for _, host := range hosts {
		openStream(n.t, n.party(from), n.party("db@"+host), "tcp", 4, 81, traffic.StreamSpec{})
	}
	conns, err := n.api.Connections(n.t.Context(), n.account, "", "1000")
	if err != nil {
		n.t.Fatal(err)
	}
	ends := map[string]int{}
	for _, c := range conns.Items {
		if !strings.HasPrefix(c.NIC, n.network+"-") {
			n.t.Errorf("connection of NIC %s, which is not of network %s: %+v", c.NIC, n.network, c)
		}
		if c.Reason == "rule" && c.Source != n.party(from).Node.Address(4).String() && c.Source != n.party(from).Node.Address(6).String() {
			n.t.Errorf("connection of another than %s: %+v", from, c)
		}
		ends[c.NIC]++
	}
	for _, host := range hosts {
		if ends[n.nic("db", host)] == 0 {
			n.t.Errorf("%s's connection with db@%s is not told of: %+v", from, host, conns)
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
