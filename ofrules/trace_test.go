package ofrules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// TestSwitchDecidesAsTheSemanticsSay: a real ovs-vswitchd with the same flows
// decides as the semantics and the Sim do, on one host and across two: what
// leaves by the uplink of one bridge, tagged, enters the other by its own.
func TestSwitchDecidesAsTheSemanticsSay(t *testing.T) {
	t.Parallel()
	const policies, packets = 20, 50 // 2,000 cases, half of them on two hosts
	bridges := startBridges(t, "one", "left", "right")
	ways := 0
	for seed := range uint64(policies) {
		g := policytest.Seeded(5000+seed, policytest.Options{NICs: bridgePorts, Guard: seed%2 == 1, Multicast: seed%4 == 3})
		s := policytest.Load(g.Policy())
		for _, pair := range [][2]*fabric{
			{newFabric(s, 1), bridged(t, newFabric(s, 1), bridges[:1])},
			{newFabric(s, 2), bridged(t, newFabric(s, 2), bridges[1:])},
		} {
			for i := range packets {
				c, ok := g.Packet(s)
				if !ok {
					t.Fatal("no packet")
				}
				pair[1].compare(t, c)
				if c.Src != nil && i%8 == 0 {
					pair[1].compareFlood(t, c)
				}
				if i%3 == 0 {
					states := []uint32{pickState(g), pickState(g), pickState(g)}
					ways += sameWay(t, pair, c, states)
				}
			}
		}
	}
	if ways < 1000 {
		t.Errorf("only %d packets in other conntrack states", ways)
	}
}

// bridged has a fabric's hosts carry frames by bridges.
func bridged(t *testing.T, f *fabric, bridges []*bridge) *fabric {
	t.Helper()
	for i, h := range f.hosts {
		bridges[i].install(t, h.compiler.Flows())
		h.station = bridges[i]
	}
	return f
}

func pickState(g *policytest.Gen) uint32 {
	states := []uint32{of.CTNew, of.CTEst, of.CTEst | of.CTRpl, of.CTRel, of.CTRel | of.CTRpl, of.CTRel | of.CTNew, of.CTInv, 0}
	return of.CTTrk | states[g.IntN(len(states))]
}

// sameWay sends a packet in given conntrack states over both fabrics. Beside
// agreeing they keep to what the states say: what is invalid in a zone that it
// comes through is dropped there, and an end where the connection is known
// lets it pass without a rule.
func sameWay(t *testing.T, pair [2]*fabric, c policytest.Case, states []uint32) int {
	t.Helper()
	ways := 0
	try := func(how string, by func(f *fabric) *trip) {
		ways++
		sim, real := by(pair[0]), by(pair[1])
		if sim.left != real.left || !slices.Equal(sim.reached, real.reached) || len(sim.admissions) != len(real.admissions) {
			t.Fatalf("%s, %s, states %v\nSim: %v\nswitch: %v", describeCase(pair[0].policy, c), how, states, sim.story(), real.story())
		}
	}
	packet := fields(c.Packet, c.Src)
	if c.Src != nil {
		try("leaving", func(f *fabric) *trip { return f.send(t, c.Src, gatewayMAC, packet, states...) })
		egress := verdict.Egress(pair[0].policy, c.Src, c.Packet)
		passes, judged := inState(egress, c.Packet, states[0])
		if tr := pair[1].send(t, c.Src, gatewayMAC, packet, states...); judged && tr.left != passes {
			t.Fatalf("%s\nin state %s it leaves: %v\n%s", describeCase(pair[0].policy, c), ctNext(states[0]), tr.left, tr.story())
		}
	}
	if c.Dst != nil {
		try("arriving", func(f *fabric) *trip { return f.arrive(t, c.Dst.Network, c.Dst.MAC, packet, states...) })
	}
	if c.Src != nil && c.Dst != nil && pair[0].oneSegment(c.Src, c.Dst) {
		try("inside the segment", func(f *fabric) *trip { return f.send(t, c.Src, c.Dst.MAC, packet, states...) })
	}
	return ways
}

// inState says whether an end lets a packet pass that conntrack knows so; judged
// is false if the guard decides before conntrack sees the packet.
func inState(d verdict.Decision, p packet.Tuple, state uint32) (passes, judged bool) {
	switch d.Reason {
	case verdict.ReasonRule, verdict.ReasonNoRule, verdict.ReasonUnrestricted, verdict.ReasonBaseline:
	case verdict.ReasonInvalid:
		return state&(of.CTEst|of.CTRel) != 0, state&of.CTNew == 0 // it is never new
	default:
		return false, false
	}
	switch {
	case verdict.Stateless(p) && state&(of.CTInv|of.CTNew) != 0:
		return d.Allow, true
	case state&of.CTInv != 0:
		return false, true
	case state&of.CTNew != 0:
		return d.Allow, true
	default:
		return state&(of.CTEst|of.CTRel) != 0, true
	}
}

// TestSwitchTakesEveryHistory: the deltas of a random history, put in one after
// the other, leave the switch with the flows of a compile from scratch.
func TestSwitchTakesEveryHistory(t *testing.T) {
	t.Parallel()
	b := startBridges(t, "one")[0]
	g := policytest.Seeded(77, policytest.Options{Guard: true})
	s := policytest.Load(g.Policy())
	f := newFabric(s, 1)
	for i := range 60 {
		name, changes := g.Step(s)
		var touched secgroup.Touched
		s, touched = s.With(int64(i+2), changes)
		f.follow(s, touched)
		t.Run(fmt.Sprint(i, " ", name), func(t *testing.T) { b.install(t, f.hosts[0].compiler.Flows()) })
	}
}
