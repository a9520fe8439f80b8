package ofrules

import (
	"fmt"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// TestTheWholePolicyYieldsTheSameFlows: whatever a host's share leaves out, its flows
// do not depend on it. They are the same if the host knows all NICs, and so all groups
// that judge any, all that rules name, and their members in every domain.
func TestTheWholePolicyYieldsTheSameFlows(t *testing.T) {
	t.Parallel()
	smaller := 0
	for seed := range uint64(20) {
		g := policytest.Seeded(seed, policytest.Options{NICs: 10, Guard: seed%2 == 1, Shares: seed%3 > 0})
		s := policytest.Load(g.Policy())
		for i := range 10 {
			what, changes := g.Step(s)
			s, _ = s.With(int64(i+2), changes)
			everywhere, here := Host{Ports: map[string]Port{}}, Host{Ports: map[string]Port{}, Uplink: 1}
			for n, nic := range s.NICs() {
				port := Port{OFPort: uint32(10 + n), Zone: uint16(10 + n)}
				if everywhere.Ports[nic.ID] = port; g.IntN(3) == 0 {
					here.Ports[nic.ID] = port
				}
			}
			all, own := Share(s, everywhere), Share(s, here)
			if size(own) < size(all) {
				smaller++
			}
			from, want := compile(32, own, here), compile(32, all, here)
			if d := difference(from.values(), want.values()); !d.Empty() {
				t.Fatalf("seed %d, step %d, %s: the whole policy yields other flows:\n%s", seed, i, what, describe(d))
			}
			if p, q := fmt.Sprint(from.Problems()), fmt.Sprint(want.Problems()); p != q {
				t.Fatalf("seed %d, step %d, %s: problems %s, by the whole policy %s", seed, i, what, p, q)
			}
		}
	}
	if smaller < 100 {
		t.Errorf("only %d shares are smaller than the whole", smaller)
	}
}

func size(s *span.Share) (n int) {
	for _, domains := range s.Members {
		for _, all := range domains {
			n += len(all)
		}
	}
	return n + len(s.Groups) + len(s.Networks)
}

// TestSeveralChangesAtOnce: if several changes of the policy, and of what is plugged,
// come before the next compile, their deltas are merged, and the flows are those of a
// compile from scratch all the same.
func TestSeveralChangesAtOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		h := newHistory(seed, []uint{32, 9}[seed%2])
		h.plugSome()
		h.install(t, h.compiler.Update(h.host()))
		for round := range 8 {
			var since []string
			for i := range 1 + h.IntN(8) {
				if h.IntN(4) == 0 {
					h.plugSome()
					since = append(since, "plug or unplug")
					h.compiler.plug(h.host())
					continue
				}
				what, changes := h.Step(h.snapshot)
				var touched secgroup.Touched
				h.snapshot, touched = h.snapshot.With(int64(100*round+i+2), changes)
				h.compiler.Apply(h.snapshot, touched)
				since = append(since, what)
			}
			h.install(t, h.compiler.Update(h.host()))
			if fault := h.fault(); fault != "" {
				t.Fatalf("seed %d, round %d, %q: %s", seed, round, since, fault)
			}
		}
	}
}

// TestAPlugThatNobodyAskedFor: until the share is one of a NIC's host, the NIC has no
// flows, and it is not said that there is no such NIC.
func TestAPlugThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	s := policytest.Load([]secgroup.Change{secgroup.Put(&secgroup.NIC{ID: "a"})})
	h := Host{Ports: map[string]Port{"a": {OFPort: 10, Zone: 10}}}
	c := New()
	c.Reset(Share(s, Host{}), h)
	if got := c.Problem("a"); got != "the policy was not asked for this NIC yet" {
		t.Errorf("problem %q", got)
	}
}
