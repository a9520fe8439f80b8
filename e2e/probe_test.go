package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/traffic"
)

// A probe is one real packet: within a host and across two it is delivered if it
// may, once, and dropped if not, and the answer says where; the machine sees
// nothing else of it, no connection is disturbed and no flow stays.
func TestProbesAreSentOnce(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n, other := dc.newTenant(t), dc.newTenant(t)
	n.play("web", "jail", "db")
	other.play("web")
	n.groups("web", "db")
	n.group("jail", egressPolicy("listed"))
	n.rule("db", "dns", "ingress udp 53 from any")
	n.rule("db", "web", "ingress tcp 80 from any")
	n.rule("db", "ping", "ingress icmp from any")
	for _, g := range []string{"web", "jail", "db"} {
		n.join(g, g)
	}
	stream := openStream(t, n.party("web@h1"), n.party("db@h2"), "tcp", 4, 80, traffic.StreamSpec{})
	opened := time.Now()
	before := map[string][]string{}
	for _, h := range hosts {
		before[h] = flows(t, dc.lab.Host(h))
	}
	for _, c := range []struct {
		from, proto     string
		port            int
		family          string
		egress, ingress string // reasons
	}{
		{"web", "tcp", 80, "ipv4", "passed", "delivered"},
		{"web", "tcp", 81, "ipv4", "passed", "no-rule"},
		{"web", "udp", 53, "ipv6", "passed", "delivered"},
		{"web", "icmp", 0, "ipv4", "passed", "delivered"},
		{"web", "icmp", 0, "ipv6", "passed", "delivered"},
		{"jail", "tcp", 80, "ipv4", "no-rule", ""},
	} {
		for _, to := range hosts {
			t.Run(fmt.Sprintf("%s %s %d to %s", c.from, c.proto, c.port, to), func(t *testing.T) {
				spec := client.TraceSpec{
					Source: client.TraceEnd{NIC: n.nic(c.from, "h1")}, Destination: client.TraceEnd{NIC: n.nic("db", to)},
					Protocol: c.proto, Port: c.port, Family: c.family, Probe: true,
				}
				n.expectProbe(t, spec, to, c.egress, c.ingress)
			})
		}
	}
	for _, h := range hosts {
		expectFlows(t, dc.lab.Host(h), before[h])
	}
	expectUndisturbed(t, stream, n.party("web@h1"), n.party("db@h2"), opened)

	// Outside, where nobody looks, it is only seen to leave.
	trace := n.probe(t, client.TraceSpec{Source: client.TraceEnd{NIC: n.nic("web", "h1")}, Destination: client.TraceEnd{Address: "8.8.8.8"}, Protocol: "tcp", Port: 80, Probe: true})
	if trace.ProbeVerdict != "allow" || len(trace.Legs) != 1 || trace.Legs[0].Probe.Reason != "passed" {
		t.Errorf("to the outside: %+v", trace)
	}
	// Another account's NIC is no source.
	if _, err := other.api.Trace(t.Context(), other.account, client.TraceSpec{Source: client.TraceEnd{NIC: n.nic("web", "h1")}, Destination: client.TraceEnd{NIC: other.nic("web", "h1")}, Protocol: "tcp", Port: 80, Probe: true}); err == nil {
		t.Error("another account sends a packet from a NIC")
	}
}

func (n *tenant) probe(t *testing.T, spec client.TraceSpec) client.Trace {
	t.Helper()
	trace, err := n.api.Trace(t.Context(), n.account, spec, client.Wait(longest))
	if err != nil || !trace.Done || trace.Agreement == nil || !*trace.Agreement {
		t.Fatalf("%+v: %+v %v", spec, trace, err)
	}
	return trace
}

// expectProbe sends a probe and compares what is told with what was seen. A lab
// that lost packets itself is given another chance.
func (n *tenant) expectProbe(t *testing.T, spec client.TraceSpec, to, egress, ingress string) {
	t.Helper()
	for try := 1; ; try++ {
		asked := time.Now()
		trace := n.probe(t, spec)
		var got [2]string
		for i, l := range trace.Legs {
			if l.Probe != nil {
				got[i] = l.Probe.Reason
			}
		}
		if got != [2]string{egress, ingress} {
			if try < 4 && overloaded(t, n.dc.lab, asked) {
				continue
			}
			t.Fatalf("told of %q, want %q and %q: %+v", got, egress, ingress, trace.Legs)
		}
		want := 0
		if ingress == "delivered" {
			want = 1
		}
		src := netip.MustParseAddr(trace.Packet.Source)
		is := func(p *traffic.Packet) bool {
			return !p.Out && p.Src == src && p.DstPort == uint16(trace.Packet.Port) && p.SrcPort == uint16(trace.Packet.SourcePort) &&
				int(p.ICMPType) == trace.Packet.ICMPType && trace.Packet.Protocol == protocolNames[p.Proto]
		}
		time.Sleep(inFlight)
		db := n.party("db@" + to)
		seen := db.Capture.Find(asked, is)
		first := len(seen)
		for i := range seen { // what the source answers to the answer is of its own tuple, too
			if i > 0 && !bytes.Equal(seen[i].Frame, seen[0].Frame) {
				first--
			}
		}
		if first != want {
			t.Errorf("%s got it %d times, want %d: %v", db.Name(), first, want, seen)
		}
		return
	}
}

var protocolNames = map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
