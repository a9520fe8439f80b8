package policytest_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

var options = []policytest.Options{{}, {Guard: true, Multicast: true}}

// TestPoliciesAreLegal: whatever is drawn, at first or by steps, is what the API
// would accept.
func TestPoliciesAreLegal(t *testing.T) {
	for _, o := range options {
		for seed := range uint64(10) {
			g := policytest.Seeded(seed, o)
			s := policytest.Load(g.Policy())
			legal(t, s, fmt.Sprintf("seed %d", seed))
			for i := range 200 {
				name, changes := g.Step(s)
				s, _ = s.With(int64(i+2), changes)
				legal(t, s, fmt.Sprintf("seed %d after step %d, %s", seed, i, name))
			}
		}
	}
}

func legal(t *testing.T, s *secgroup.Snapshot, when string) {
	t.Helper()
	check := func(o secgroup.Object, f secgroup.Faults) {
		t.Helper()
		if len(f) > 0 {
			t.Fatalf("%s: %v: %v", when, o.Key(), f)
		}
	}
	for _, n := range s.Networks() {
		check(n, n.Validate())
	}
	for _, n := range s.NICs() {
		check(n, n.Validate())
		net := s.Network(n.Network)
		if net == nil || s.DefaultGroup(n.Account) == nil {
			t.Fatalf("%s: NIC %s has no network or default group", when, n.ID)
		}
		check(n, secgroup.NICFaults(*n, *net))
		for _, a := range n.Addresses {
			for _, o := range s.NICsByAddress(net.RoutingDomain, a) {
				if o != n && slices.Contains(o.Addresses, a) {
					t.Fatalf("%s: %s and %s both have %v", when, n.ID, o.ID, a)
				}
			}
		}
	}
	for _, a := range s.Accounts() {
		check(a, a.Validate())
		for _, g := range s.Groups(a.ID) {
			check(g, g.Validate())
		}
	}
	check(s.Baseline(), s.Baseline().Validate())
}

// TestDraws: every kind of step and of decision comes up, and both answers often.
func TestDraws(t *testing.T) {
	steps := map[string]int{}
	reasons := map[verdict.Reason]int{}
	allowed, total, sameNetwork := 0, 0, 0
	for _, o := range options {
		for seed := range uint64(40) {
			g := policytest.Seeded(seed, o)
			s := policytest.Load(g.Policy())
			for i := range 50 {
				name, changes := g.Step(s)
				steps[name]++
				s, _ = s.With(int64(i+2), changes)
				c, ok := g.Packet(s)
				if !ok {
					t.Fatalf("seed %d: no packet", seed)
				}
				egress, ingress, allow := verdict.Decide(s, c.Src, c.Dst, c.Packet)
				for _, d := range []*verdict.Decision{egress, ingress} {
					if d != nil {
						reasons[d.Reason]++
					}
				}
				total++
				if allow {
					allowed++
				}
				if c.Src != nil && c.Dst != nil && c.Src.Network == c.Dst.Network {
					sameNetwork++
				}
			}
		}
	}
	t.Logf("%d packets, %d allowed, %d inside a network; %v; %v", total, allowed, sameNetwork, reasons, steps)
	if len(steps) != 21 {
		t.Errorf("%d kinds of steps", len(steps))
	}
	for _, r := range []verdict.Reason{
		verdict.ReasonRule, verdict.ReasonUnrestricted, verdict.ReasonNoRule, verdict.ReasonEnforcementOff,
		verdict.ReasonSpoofed, verdict.ReasonGuard, verdict.ReasonBaseline,
	} {
		if reasons[r] == 0 {
			t.Errorf("no decision by %s", r)
		}
	}
	if allowed < total/5 || allowed > total*4/5 {
		t.Errorf("%d of %d packets allowed", allowed, total)
	}
}

// TestSameSeedSameCases: a failure can be drawn again by its seed.
func TestSameSeedSameCases(t *testing.T) {
	draw := func() (all []any) {
		g := policytest.Seeded(7, policytest.Options{Guard: true})
		changes := g.Policy()
		s := policytest.Load(changes)
		all = append(all, changes)
		for i := range 100 {
			_, changes := g.Step(s)
			s, _ = s.With(int64(i), changes)
			c, _ := g.Packet(s)
			all = append(all, changes, c)
		}
		return all
	}
	addresses := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	prefixes := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(draw(), draw(), addresses, prefixes); diff != "" {
		t.Error(diff)
	}
}
