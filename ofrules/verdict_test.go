package ofrules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// uplink is the ofport to other hosts; NICs are plugged from firstPort on.
const (
	uplink    = 1
	firstPort = 10
)

// bench is one host with every NIC of a policy plugged in.
type bench struct {
	snapshot *secgroup.Snapshot
	compiler *ofrules.Compiler
	sim      *of.Sim
	ports    map[string]ofrules.Port
}

func newBench(s *secgroup.Snapshot) *bench {
	b := &bench{snapshot: s, compiler: ofrules.New(), ports: map[string]ofrules.Port{}}
	for i, n := range s.NICs() {
		b.ports[n.ID] = ofrules.Port{OFPort: uint32(firstPort + i), Zone: uint16(100 + i)}
	}
	b.compiler.Reset(s, ofrules.Host{Ports: b.ports, Uplink: uplink})
	b.sim = of.NewSim(b.compiler.Flows())
	return b
}

// gatewayMAC is a MAC behind the uplink.
var gatewayMAC = [6]byte{0x02, 0xff, 0xff, 0, 0, 1}

// leaving is a packet as its sender puts it on the wire, for the MAC dst.
func (b *bench) leaving(t *testing.T, src *secgroup.NIC, dst [6]byte, p verdict.Packet) of.Packet {
	return packet(t, append(wire(p), of.InPort.Is(uint64(b.ports[src.ID].OFPort)), of.EthSrc.IsMAC(src.MAC), of.EthDst.IsMAC(dst)))
}

// arriving is a packet that comes in by the uplink for a NIC.
func (b *bench) arriving(t *testing.T, dst *secgroup.NIC, p verdict.Packet) of.Packet {
	terms := append(wire(p), of.InPort.Is(uplink), of.EthSrc.IsMAC(gatewayMAC), of.EthDst.IsMAC(dst.MAC))
	if vlan := b.snapshot.Network(dst.Network).VLAN; vlan != 0 {
		terms = append(terms, of.VlanVID.Is(of.VlanPresent|uint64(vlan)))
	}
	return packet(t, terms)
}

func packet(t *testing.T, terms []of.Term) of.Packet {
	t.Helper()
	p, err := of.NewPacket(terms...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wire describes an IP packet by its fields.
func wire(p verdict.Packet) []of.Term {
	terms := []of.Term{of.IPProto.Is(uint64(p.Proto)), of.IPTTL.Is(255)}
	v6 := p.Family == secgroup.FamilyIPv6
	if v6 {
		terms = append(terms, of.EthType.Is(of.EthTypeIPv6), of.IPv6Src.IsAddr(p.Src), of.IPv6Dst.IsAddr(p.Dst))
	} else {
		terms = append(terms, of.EthType.Is(of.EthTypeIPv4), of.IPv4Src.IsAddr(p.Src), of.IPv4Dst.IsAddr(p.Dst))
	}
	switch {
	case p.Proto == of.ProtoTCP:
		return append(terms, of.TCPSrc.Is(uint64(p.SrcPort)), of.TCPDst.Is(uint64(p.DstPort)))
	case p.Proto == of.ProtoUDP:
		return append(terms, of.UDPSrc.Is(uint64(p.SrcPort)), of.UDPDst.Is(uint64(p.DstPort)))
	case p.Proto == of.ProtoICMP && !v6:
		return append(terms, of.ICMPType.Is(uint64(p.ICMPType)), of.ICMPCode.Is(uint64(p.ICMPCode)))
	case p.Proto == of.ProtoICMPv6 && v6:
		terms = append(terms, of.ICMPv6Type.Is(uint64(p.ICMPType)), of.ICMPv6Code.Is(uint64(p.ICMPCode)))
		if p.ICMPType == of.ICMPv6NeighborAdvert && p.ICMPCode == 0 {
			terms = append(terms, of.NDTarget.IsAddr(p.Src)) // the model knows no other
		}
		return terms
	default:
		return terms
	}
}

// The flows decide as the semantics say: whatever the policy and the packet,
// leaving a NIC, arriving at one from another host, and between two on one
// host. The rule noted on a connection is one that allows it.
func TestFlowsDecideAsTheSemanticsSay(t *testing.T) {
	const policies, packets = 160, 150 // ≥ 20,000 cases
	for seed := range uint64(policies) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			g := policytest.Seeded(1000+seed, policytest.Options{Guard: seed%2 == 1})
			b := newBench(policytest.Load(g.Policy()))
			for range packets {
				if c, ok := g.Packet(b.snapshot); ok {
					b.compare(t, c)
				}
			}
		})
	}
}

func (b *bench) compare(t *testing.T, c policytest.Case) {
	t.Helper()
	egress, ingress, both := verdict.Decide(b.snapshot, c.Src, c.Dst, c.Packet)
	if c.Src != nil {
		b.expect(t, c, "leaving", b.leaving(t, c.Src, gatewayMAC, c.Packet), uplink, egress.Allow)
	}
	if c.Dst != nil {
		b.expect(t, c, "arriving", b.arriving(t, c.Dst, c.Packet), b.ports[c.Dst.ID].OFPort, ingress.Allow)
	}
	if c.Src != nil && c.Dst != nil && b.oneSegment(c.Src, c.Dst) {
		b.expect(t, c, "on one host", b.leaving(t, c.Src, c.Dst.MAC, c.Packet), b.ports[c.Dst.ID].OFPort, both)
	}
}

func (b *bench) oneSegment(x, y *secgroup.NIC) bool {
	n, m := b.snapshot.Network(x.Network), b.snapshot.Network(y.Network)
	return x.ID != y.ID && n.VLAN == m.VLAN && n.RoutingDomain == m.RoutingDomain
}

// expect runs a packet and compares where it comes out, if it does.
func (b *bench) expect(t *testing.T, c policytest.Case, way string, p of.Packet, port uint32, want bool) {
	t.Helper()
	r, err := b.sim.Run(p, of.SimOptions{})
	if err != nil {
		t.Fatalf("%v: %v\n%v", c, err, r)
	}
	got := slices.ContainsFunc(r.Outputs, func(o of.SentPacket) bool { return o.Port == port })
	if got != want || len(r.Outputs) > 1 {
		t.Fatalf("%s: %s\nallowed by the semantics: %v; the flows let it out by ofport %d: %v\n%v", describe(b.snapshot, c), way, want, port, got, r)
	}
	for _, commit := range r.Commits {
		b.checkMark(t, c, commit)
	}
}

// checkMark compares the rule that a connection is marked with.
func (b *bench) checkMark(t *testing.T, c policytest.Case, commit of.Commit) {
	t.Helper()
	nic, direction := c.Dst, secgroup.Ingress
	if c.Src != nil && commit.Zone == b.ports[c.Src.ID].Zone {
		nic, direction = c.Src, secgroup.Egress
	}
	if commit.Mark == ofrules.MarkUnrestricted || commit.Mark == ofrules.MarkBaseline {
		return
	}
	rule, ok := b.compiler.Rule(commit.Mark)
	if !ok || !slices.Contains(verdict.Allowing(b.snapshot, nic, direction, c.Packet), rule) {
		t.Fatalf("%s: admitted by %v (mark %#x), which does not allow it", describe(b.snapshot, c), rule, commit.Mark)
	}
}

func describe(s *secgroup.Snapshot, c policytest.Case) string {
	out := fmt.Sprintf("%+v", c.Packet)
	for _, n := range []*secgroup.NIC{c.Src, c.Dst} {
		if n == nil {
			continue
		}
		out += fmt.Sprintf("\n  %+v", *n)
		for _, e := range s.EffectiveGroups(n) {
			if g := s.Group(e.Group); g != nil {
				out += fmt.Sprintf("\n    %s (%s) %s", e.Group.ID, e.Via, g.EgressPolicy)
				for _, r := range g.Rules {
					out += fmt.Sprintf("\n      %+v", r)
				}
			}
		}
	}
	return out
}
