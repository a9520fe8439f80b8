package ofrules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// The flows decide as the semantics say, whatever the policy and the packet:
// leaving a NIC, arriving at one from outside, and between two, whether these
// share a host or not. The rule noted on a connection is one that allows it.
func TestFlowsDecideAsTheSemanticsSay(t *testing.T) {
	t.Parallel()
	const policies, packets = 100, 240 // ≥ 20,000 cases
	for seed := range uint64(policies) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			g := policytest.Seeded(1000+seed, policytest.Options{Guard: seed%2 == 1, Multicast: seed%4 == 3, Shares: seed%3 == 0})
			s := policytest.Load(g.Policy())
			for _, f := range []*fabric{newFabric(s, 1), newFabric(s, 2)} {
				for i := range packets / 2 {
					c, ok := g.Packet(s)
					if !ok {
						t.Fatal("no packet")
					}
					f.compare(t, c)
					if c.Src != nil && i%8 == 0 {
						f.compareFlood(t, c)
					}
				}
			}
		})
	}
}

// compare takes a packet on all ways that it can go.
func (f *fabric) compare(t testing.TB, c policytest.Case) {
	t.Helper()
	egress, ingress, both := verdict.Decide(f.policy, c.Src, c.Dst, c.Packet)
	packet := fields(c.Packet, c.Src)
	if c.Src != nil {
		f.expect(t, c, f.send(t, c.Src, gatewayMAC, packet), egress.Allow, nil)
	}
	if c.Dst != nil {
		f.expect(t, c, f.arrive(t, c.Dst.Network, c.Dst.MAC, packet), false, only(c.Dst, ingress.Allow))
	}
	if c.Src != nil && c.Dst != nil && f.oneSegment(c.Src, c.Dst) {
		leaves := egress.Allow && f.home[c.Src.ID] != f.home[c.Dst.ID]
		f.expect(t, c, f.send(t, c.Src, c.Dst.MAC, packet), leaves, only(c.Dst, both))
	}
}

// compareFlood sends a packet to everybody in the sender's segment: each
// receiver judges it by itself.
func (f *fabric) compareFlood(t testing.TB, c policytest.Case) {
	t.Helper()
	var reached []string
	leaves := verdict.Egress(f.policy, c.Src, c.Packet).Allow
	for _, n := range f.policy.NICs() {
		if leaves && n.ID != c.Src.ID && f.oneSegment(n, c.Src) && verdict.Ingress(f.policy, n, c.Packet).Allow {
			reached = append(reached, n.ID)
		}
	}
	c.Dst = nil
	f.expect(t, c, f.send(t, c.Src, broadcastMAC, fields(c.Packet, c.Src)), leaves, reached)
}

func only(n *secgroup.NIC, allow bool) []string {
	if !allow {
		return nil
	}
	return []string{n.ID}
}

// expect compares where a frame came out with what the semantics say.
func (f *fabric) expect(t testing.TB, c policytest.Case, tr *trip, leaves bool, reached []string) {
	t.Helper()
	if tr.left != leaves || !slices.Equal(tr.reached, reached) {
		t.Fatalf("%s\nby the semantics it leaves: %v, reaches %v; by the flows it leaves: %v, reaches %v\n%s",
			describeCase(f.policy, c), leaves, reached, tr.left, tr.reached, tr.story())
	}
	f.admitted(t, tr, c.Packet)
}

func describeCase(s *secgroup.Snapshot, c policytest.Case) string {
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
