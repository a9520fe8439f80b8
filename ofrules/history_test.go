package ofrules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// The flows of a host are a pure function of the policy and the NICs on it:
// whatever the history, the incremental flow set equals a compile from scratch,
// and the deltas handed out add up to it.
func TestAnyHistoryEndsInTheSameFlows(t *testing.T) {
	for seed := range uint64(60) {
		for _, bits := range []uint{32, 9} { // 9: names collide all the time
			t.Run(fmt.Sprintf("seed %d bits %d", seed, bits), func(t *testing.T) {
				t.Parallel()
				runHistory(t, seed, bits, 40)
			})
		}
	}
}

func runHistory(t *testing.T, seed uint64, bits uint, steps int) {
	g := policytest.Seeded(seed, policytest.Options{})
	h := newHostHistory(g.Rand)
	s := policytest.Load(g.Policy())
	c := newCompiler(bits)
	installed := map[of.FlowKey]of.Flow{}
	h.plugSome(s)
	install(t, installed, c.Reset(s, h.host()))
	for i := range steps {
		name := "plug or unplug"
		var touched secgroup.Touched
		if g.IntN(5) == 0 {
			h.plugSome(s)
		} else {
			var changes []secgroup.Change
			name, changes = g.Step(s)
			touched = s.Apply(int64(i+2), changes)
		}
		install(t, installed, c.Update(s, h.host(), touched))

		scratch := newCompiler(bits)
		scratch.Reset(s, h.host())
		if d := Diff(c.Flows(), scratch.Flows()); !d.Empty() {
			t.Fatalf("step %d (%s): the compile from scratch differs:\n%s", i, name, describe(d))
		}
		if d := Diff(slices.Collect(values(installed)), c.Flows()); !d.Empty() {
			t.Fatalf("step %d (%s): the deltas do not add up:\n%s", i, name, describe(d))
		}
		if p, q := fmt.Sprint(c.Problems()), fmt.Sprint(scratch.Problems()); p != q {
			t.Fatalf("step %d (%s): problems %s, from scratch %s", i, name, p, q)
		}
	}
}

func values(m map[of.FlowKey]of.Flow) func(func(of.Flow) bool) {
	return func(yield func(of.Flow) bool) {
		for _, f := range m {
			if !yield(f) {
				return
			}
		}
	}
}

// install applies a delta as a switch would, and refuses what makes no sense.
func install(t *testing.T, flows map[of.FlowKey]of.Flow, d Delta) {
	t.Helper()
	for _, f := range d.Put {
		if flows[f.Key()] == f {
			t.Errorf("put, but there already: %v", f)
		}
		flows[f.Key()] = f
	}
	for _, f := range d.Delete {
		if _, ok := flows[f.Key()]; !ok {
			t.Errorf("deleted, but not there: %v", f)
		}
		delete(flows, f.Key())
	}
}

func describe(d Delta) (out string) {
	for _, f := range d.Put {
		out += fmt.Sprintf("  missing or other: %v\n", f)
	}
	for _, f := range d.Delete {
		out += fmt.Sprintf("  too many: %v\n", f)
	}
	return out
}

// hostHistory plugs and unplugs NICs at random.
type hostHistory struct {
	*rand.Rand
	ports  map[string]Port
	next   uint32
	uplink uint32
}

func newHostHistory(r *rand.Rand) *hostHistory {
	return &hostHistory{Rand: r, ports: map[string]Port{}, next: 10}
}

func (h *hostHistory) plugSome(s *secgroup.Snapshot) {
	if h.IntN(6) == 0 {
		h.uplink = uint32(h.IntN(3))
	}
	for _, n := range s.NICs() {
		switch h.IntN(4) {
		case 0:
			delete(h.ports, n.ID)
		case 1, 2:
			h.next++
			h.ports[n.ID] = Port{OFPort: h.next, Zone: uint16(h.next)}
		}
	}
	if h.IntN(3) == 0 {
		h.ports["unknown"] = Port{OFPort: 9, Zone: 9}
	}
}

func (h *hostHistory) host() Host { return Host{Ports: h.ports, Uplink: h.uplink} }
