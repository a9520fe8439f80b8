package span

import (
	"maps"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// TestWhoGetsADeltaIsWaitedFor: package impact says whom a change concerns without an
// index, for those who wait for it. It never leaves out a host whose share changes.
func TestWhoGetsADeltaIsWaitedFor(t *testing.T) {
	t.Parallel()
	told, others := 0, 0
	for seed := range uint64(12) {
		h := newHistory(seed)
		for i := range 80 {
			var what string
			var changes []secgroup.Change
			if gone := h.missing(); gone != nil {
				what, changes = "network back", []secgroup.Change{secgroup.Put(gone)}
			} else if h.IntN(4) == 0 {
				what, changes = h.odd()
			} else {
				what, changes = h.Step(h.policy)
			}
			diff := impact.Begin(h.policy, changes)
			deltas := h.apply(changes...)
			concerned := diff.End(h.policy)
			for _, name := range hostNames {
				waited := slices.ContainsFunc(slices.Collect(maps.Keys(h.plugged[name])), func(id string) bool { return concerned.Concerns(h.policy, id) })
				switch d, ok := deltas[name]; {
				case ok && !waited && len(h.plugged[name]) > 0:
					t.Fatalf("seed %d, step %d, %s: nobody waits for %s, which gets %+v", seed, i, what, name, d)
				case ok:
					told++
				case waited:
					others++
				}
			}
			if h.IntN(6) == 0 {
				h.plug(hostNames[h.IntN(len(hostNames))])
			}
		}
	}
	t.Logf("%d deltas; %d times a host was waited for whose share stayed as it was", told, others)
	if told < 500 {
		t.Errorf("only %d deltas: too tame a history", told)
	}
}
