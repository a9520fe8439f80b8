package oftrace_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/unixctl"
)

// uplink is the ofport to other hosts; NICs are plugged from firstPort on.
const (
	uplink    = 1
	firstPort = 10
)

// host is a switch with the flows of a random policy in it.
type host struct {
	t        *testing.T
	ovs      *ovstest.OVS
	ctl      *unixctl.Client
	snapshot *secgroup.Snapshot
	gen      *policytest.Gen
	ports    map[string]ofrules.Port
}

func newHost(t *testing.T, seed uint64) *host {
	t.Helper()
	g := policytest.Seeded(seed, policytest.Options{Guard: true})
	h := &host{t: t, ovs: ovstest.Start(t, ovstest.Options{}), gen: g, snapshot: policytest.Load(g.Policy()), ports: map[string]ofrules.Port{}}
	h.ovs.AddBridge("br-int")
	h.ovs.AddPort("br-int", "uplink", uplink, "")
	for i, n := range h.snapshot.NICs() {
		p := uint32(firstPort + i)
		h.ovs.AddPort("br-int", fmt.Sprintf("tap%d", p), p, n.ID)
		h.ports[n.ID] = ofrules.Port{OFPort: p, Zone: uint16(100 + i)}
	}
	c := ofrules.New()
	c.Reset(span.Span(h.snapshot, "", maps.Keys(h.ports)), ofrules.Host{Ports: h.ports, Uplink: uplink})
	var flows strings.Builder
	for _, f := range c.Flows() {
		fmt.Fprintln(&flows, f)
	}
	h.addFlows("br-int", flows.String())
	h.ctl = unixctl.Open(h.ovs.RunDir)
	t.Cleanup(func() { h.ctl.Close() })
	return h
}

func (h *host) addFlows(bridge, flows string) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "flows")
	if err := os.WriteFile(file, []byte(flows), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.ovs.Ofctl("--bundle", "add-flows", bridge, file)
}

// conntrack states to walk on with; the empty one leaves it to the switch.
var states = [][]string{{}, {"trk,est"}, {"trk,est,rpl", "trk,est,rpl"}, {"trk,rel", "trk,rel"}, {"trk,inv"}, {"trk,new", "trk,inv"}}

// random traces a random packet between two ends of the policy.
func (h *host) random() (flow, text string) {
	h.t.Helper()
	c, ok := h.gen.Packet(h.snapshot)
	if !ok {
		h.t.Fatal("no packet to draw")
	}
	flow = wire(c.Packet)
	mac := "02:ff:ff:00:00:01"
	if c.Dst != nil {
		mac = c.Dst.MAC.String()
	}
	if h.gen.IntN(5) == 0 {
		flow += ",nw_frag=first"
	}
	if h.gen.IntN(8) == 0 {
		mac = "ff:ff:ff:ff:ff:ff"
	}
	switch {
	case c.Src != nil && !c.Packet.Is6() && h.gen.IntN(12) == 0: // it asks for the MAC first
		flow = fmt.Sprintf("in_port=%d,dl_src=%s,dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_sha=%s,arp_spa=%s,arp_tpa=%s",
			h.ports[c.Src.ID].OFPort, c.Src.MAC, c.Src.MAC, c.Packet.Src, c.Packet.Dst)
	case c.Src != nil:
		flow = fmt.Sprintf("in_port=%d,dl_src=%s,dl_dst=%s,%s", h.ports[c.Src.ID].OFPort, c.Src.MAC, mac, flow)
	default:
		flow = fmt.Sprintf("in_port=%d,dl_src=02:ff:ff:00:00:02,dl_dst=%s,%s", uplink, mac, flow)
		if vlan := h.snapshot.Network(c.Dst.Network).VLAN; vlan != 0 {
			flow = fmt.Sprintf("dl_vlan=%d,%s", vlan, flow)
		}
	}
	return flow, h.trace("br-int", flow, states[h.gen.IntN(len(states))], h.gen.IntN(2) == 0)
}

func (h *host) trace(bridge, flow string, next []string, names bool) string {
	h.t.Helper()
	text, err := h.ctl.Trace(h.t.Context(), bridge, flow, unixctl.TraceOptions{CTNext: next, Names: names})
	if err != nil {
		h.t.Fatalf("%s: %v", flow, err)
	}
	return text
}

// wire is an IP packet as ofproto/trace reads it.
func wire(p packet.Tuple) string {
	v6 := p.Is6()
	ip, src, icmp := "ip", "nw", "icmp"
	if v6 {
		ip, src, icmp = "ipv6", "ipv6", "icmpv6"
	}
	s := fmt.Sprintf("%s,%s_src=%s,%s_dst=%s,nw_proto=%d,nw_ttl=255", ip, src, p.Src, src, p.Dst, p.Proto)
	switch {
	case p.Proto == packet.ProtoTCP:
		s += fmt.Sprintf(",tcp_src=%d,tcp_dst=%d", p.SrcPort, p.DstPort)
	case p.Proto == packet.ProtoUDP:
		s += fmt.Sprintf(",udp_src=%d,udp_dst=%d", p.SrcPort, p.DstPort)
	case p.Proto == packet.ProtoICMP && !v6, p.Proto == packet.ProtoICMPv6 && v6:
		s += fmt.Sprintf(",%s_type=%d,%s_code=%d", icmp, p.ICMPType, icmp, p.ICMPCode)
	}
	return s
}
