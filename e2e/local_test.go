package e2e

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// TestNetworkWithoutVLAN: "vlan null = never leaves the host". What is allowed
// passes within a host; nothing goes to another one, nor to anything on the wire,
// and nothing comes in. Traces say so.
func TestNetworkWithoutVLAN(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("web", "db")
	n.groups("web", "db")
	n.join("web", "web")
	n.join("db", "db")
	n.rule("db", "in", "ingress all from any")
	n.expect("* -> db: " + usual)

	n.awaitLevel()
	put := func(vlan int) {
		n.change(func(opts ...client.CallOption) error {
			_, err := n.api.PutNetwork(t.Context(), n.network, client.NetworkSpec{
				Type: "vpc", VPC: "vpc-" + n.account, VLAN: vlan, Prefixes: []string{"10.0.0.0/24", "fd00::/64"},
			}, opts...)
			return err
		})
	}
	put(client.NoVLAN)
	begin := time.Now()
	var marks [][]byte // of frames from the wire
	tagged := outsideParty(t, dc.lab, n.vlan, "tagged", "10.0.0.201/24", "fd00::201/64")
	untagged := outsideParty(t, dc.lab, 0, "untagged", "10.0.0.202/24", "fd00::202/64")
	within := "web@h1 -> db@h1: " + usual + "\nweb@h2 -> db@h2: " + usual
	n.expect(within)
	// Frames to nobody and to everybody.
	for _, host := range hosts {
		s := newSender(t, n.party("web@"+host).Node)
		w := newWire(n.party("web@"+host), n.party("db@"+host), n.vlan)
		w.dstMAC = everyMAC()
		s.send(t, w.udp(80)...)
		w.dstMAC[0] = 2
		s.send(t, w.udp(80)...)
	}
	// From the wire, to one who would let it in.
	for _, out := range []*matrix.Party{tagged, untagged} {
		w := newWire(n.party("web@h2"), n.party("db@h1"), n.vlan)
		w.srcMAC = mac("02:ff:00:00:00:01") // as by a router; the fabric learns where MACs are
		newSender(t, out.Node).send(t, w.udp(80)...)
		marks = append(marks, w.mark)
	}
	n.expect(within) // and by then they have passed
	for _, out := range []*matrix.Party{tagged, untagged} {
		for _, p := range out.Capture.Find(begin, func(p *traffic.Packet) bool { return !p.Out && strings.HasPrefix(p.SrcMAC, n.macs) }) {
			t.Errorf("the %s wire saw %s", out.Role, p.String())
		}
	}
	for _, mark := range marks {
		for _, vm := range n.parties {
			if got := vm.Capture.Find(begin, func(p *traffic.Packet) bool { return !p.Out && bytes.Contains(p.Frame, mark) }); len(got) > 0 {
				t.Errorf("%s saw %s, which came by the wire", vm.Name(), got[0].String())
			}
		}
	}
	for _, to := range hosts {
		trace, err := n.api.Trace(t.Context(), n.account, client.TraceSpec{
			Source: client.TraceEnd{NIC: n.nic("web", "h1")}, Destination: client.TraceEnd{NIC: n.nic("db", to)}, Family: "ipv4", Protocol: "tcp", Port: 80,
		})
		if err != nil {
			t.Fatal(err)
		}
		reason := trace.Legs[0].Datapath.Reason
		if to == "h1" && (trace.Verdict != "allow" || trace.Agreement == nil || !*trace.Agreement) ||
			to == "h2" && (trace.Verdict != "deny" || trace.Agreement != nil && !*trace.Agreement || reason != "host-local") {
			t.Errorf("from h1 to %s: %+v", to, trace)
		}
	}
	put(int(n.vlan))
	n.expect("* -> db: " + usual)
}

// awaitLevel waits until every host and API of the data centre is known to
// understand all that this version does.
func (n *tenant) awaitLevel() {
	n.t.Helper()
	eventually(n.t, longest, func() error {
		_, err := n.api.PutNetwork(n.t.Context(), n.network+"-level", client.NetworkSpec{Type: "flat", VLAN: client.NoVLAN})
		return err
	})
	n.must(nil, n.api.DeleteNetwork(n.t.Context(), n.network+"-level"))
}
