package ofrules_test

import (
	"fmt"
	"slices"
	"strings"
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
func (f *fabric) compare(tb testing.TB, c policytest.Case) {
	tb.Helper()
	egress, ingress, both := verdict.Decide(f.policy, c.Src, c.Dst, c.Packet)
	packet := fields(c.Packet, c.Src)
	if c.Src != nil {
		f.expect(tb, c, f.send(tb, c.Src, gatewayMAC, packet), egress.Allow, nil)
	}
	if c.Dst != nil {
		f.expect(tb, c, f.arrive(tb, c.Dst.Network, c.Dst.MAC, packet), false, only(c.Dst, ingress.Allow))
	}
	if c.Src != nil && c.Dst != nil && f.oneSegment(c.Src, c.Dst) {
		leaves := egress.Allow && f.home[c.Src.ID] != f.home[c.Dst.ID]
		f.expect(tb, c, f.send(tb, c.Src, c.Dst.MAC, packet), leaves, only(c.Dst, both))
	}
}

// compareFlood sends a packet to everybody in the sender's segment: each
// receiver judges it by itself.
func (f *fabric) compareFlood(tb testing.TB, c policytest.Case) {
	tb.Helper()
	var reached []string
	leaves := verdict.Egress(f.policy, c.Src, c.Packet).Allow
	for _, n := range f.policy.NICs() {
		if leaves && n.ID != c.Src.ID && f.oneSegment(n, c.Src) && verdict.Ingress(f.policy, n, c.Packet).Allow {
			reached = append(reached, n.ID)
		}
	}
	c.Dst = nil
	f.expect(tb, c, f.send(tb, c.Src, broadcastMAC, fields(c.Packet, c.Src)), leaves, reached)
}

func only(n *secgroup.NIC, allow bool) []string {
	if !allow {
		return nil
	}
	return []string{n.ID}
}

// expect compares where a frame came out with what the semantics say.
func (f *fabric) expect(tb testing.TB, c policytest.Case, tr *trip, leaves bool, reached []string) {
	tb.Helper()
	if tr.left != leaves || !slices.Equal(tr.reached, reached) {
		if _, inner := tb.(differing); inner {
			panic(differs{})
		}
		tb.Fatalf("%s\nby the semantics it leaves: %v, reaches %v; by the flows it leaves: %v, reaches %v\n%s",
			minimal(f.policy, c), leaves, reached, tr.left, tr.reached, tr.story())
	}
	f.admitted(tb, tr, c.Packet)
}

// minimal is a failing case as a scenario: of the policy there is left what it needs for
// the flows of one host or of two to differ from the semantics.
func minimal(s *secgroup.Snapshot, c policytest.Case) string {
	return policytest.Minimise(s, c, func(s *secgroup.Snapshot, c policytest.Case) (fails bool) {
		defer func() {
			if why := recover(); why == (differs{}) {
				fails = true
			} else if why != nil {
				panic(why)
			}
		}()
		for hosts := 1; hosts <= 2; hosts++ {
			newFabric(s, hosts).compare(differing{}, c)
		}
		return false
	})
}

// differing is a test whose failure is told by a panic, differs.
type differing struct{ testing.TB }

type differs struct{}

func (differing) Helper()               {}
func (differing) Fatalf(string, ...any) { panic(differs{}) }
func (differing) Errorf(string, ...any) { panic(differs{}) }
func (differing) Fatal(...any)          { panic(differs{}) }

// describeCase is a case as a scenario, with the whole policy.
func describeCase(s *secgroup.Snapshot, c policytest.Case) string {
	return strings.Join(append(policytest.Lines(s), c.Line(s)), "\n")
}
