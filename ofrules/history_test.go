package ofrules

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// The flows of a host are a pure function of the policy and the NICs on it:
// whatever the history, the incremental flow set equals a compile from scratch,
// and the deltas handed out add up to it. What goes wrong stays wrong, so that
// it is enough to look after every few steps.
func TestAnyHistoryEndsInTheSameFlows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		for _, bits := range []uint{32, 9} { // 9: names collide all the time
			t.Run(fmt.Sprintf("seed %d bits %d", seed, bits), func(t *testing.T) {
				t.Parallel()
				newHistory(seed, bits).run(t, 40)
			})
		}
	}
}

// history is a random one of a policy and of a host's ports.
type history struct {
	*policytest.Gen
	bits      uint
	snapshot  *secgroup.Snapshot
	ports     map[string]Port
	replugged map[string]struct{} // of ports, in this step; nil: not said
	nextPort  uint32
	uplink    uint32
	compiler  *Follower
	installed map[of.FlowKey]of.Flow // as a switch would have it

	judged map[uint32]judged // by each profile's number, when that was there last

	backlog Delta // not yet put into late, a switch that gets several deltas as one
	late    map[of.FlowKey]of.Flow
}

func newHistory(seed uint64, bits uint) *history {
	g := policytest.Seeded(seed, policytest.Options{NICs: 8, Guard: seed%2 == 1, Shares: seed%3 == 0})
	s := policytest.Load(g.Policy())
	return &history{
		Gen: g, bits: bits, snapshot: s, ports: map[string]Port{}, nextPort: 10,
		compiler: follow(s, newCompiler(bits)), installed: map[of.FlowKey]of.Flow{}, judged: map[uint32]judged{}, late: map[of.FlowKey]of.Flow{},
	}
}

func (h *history) run(t *testing.T, steps int) {
	h.plugSome()
	h.install(t, h.compiler.Update(h.host()))
	var since []string // the last look
	for i := range steps {
		name, before := "plug or unplug", maps.Clone(h.ports)
		h.replugged = nil
		if h.IntN(5) == 0 {
			h.plugSome()
		} else {
			var changes []secgroup.Change
			name, changes = h.Step(h.snapshot)
			var touched secgroup.Touched
			h.snapshot, touched = h.snapshot.With(int64(i+2), changes)
			h.compiler.Apply(h.snapshot, touched)
		}
		since = append(since, name)
		if i%2 == 0 == (h.bits == 32) {
			h.replugged = differing(before, h.ports)
		}
		h.install(t, h.compiler.Update(h.host()))
		if moved := h.movedProfile(); moved != "" && h.bits == 32 {
			t.Fatalf("step %d, %q: %s", i, name, moved)
		}
		if h.IntN(6) == 0 || i == steps-1 {
			if fault := h.fault(); fault != "" {
				t.Fatalf("step %d, one of %q: %s", i, since, fault)
			}
			since = nil
		}
	}
}

// fault says how the compiler differs from one that knows no history.
func (h *history) fault() string {
	have, scratch := h.compiler.values(), compile(h.bits, Share(h.snapshot, h.host()), h.host())
	if d := difference(have, scratch.values()); !d.Empty() {
		return "the compile from scratch differs:\n" + describe(d)
	}
	if d := difference(h.installed, have); !d.Empty() {
		return "the deltas do not add up:\n" + describe(d)
	}
	if narrowed := h.catchUp(); narrowed && h.backlog.OnlyAdds() {
		return "a delta is said to add only, but replaces or deletes"
	}
	h.backlog = Delta{}
	if d := difference(h.late, have); !d.Empty() {
		return "the deltas do not add up one after the other:\n" + describe(d)
	}
	if p, q := fmt.Sprint(h.compiler.Problems()), fmt.Sprint(scratch.Problems()); p != q {
		return fmt.Sprintf("problems %s, from scratch %s", p, q)
	}
	return ""
}

// judged are the NICs and groups of a profile.
type judged struct{ nics, groups string }

// movedProfile says which profile's number NICs have that judged neither them nor their
// groups before: packets of these others may be under way with it.
func (h *history) movedProfile() string {
	now, sets := map[uint32]judged{}, map[uint32]*groupSet{}
	for _, id := range slices.Sorted(maps.Keys(h.compiler.Compiler.local.nics)) {
		n, filtered := h.compiler.Profile(id)
		if !filtered {
			continue
		}
		set := h.compiler.Compiler.local.nics[id].set
		if other := sets[n]; other != nil && other != set {
			return fmt.Sprintf("profile %#x is that of %q and of %q", n, other.name, set.name)
		}
		sets[n] = set
		now[n] = judged{now[n].nics + " " + id, set.name}
	}
	for n, is := range now {
		was, used := h.judged[n]
		if alone := was.nics == is.nics && len(sets[n].nics) == 1; used && !alone && was.groups != is.groups {
			return fmt.Sprintf("profile %#x goes from %v to %v", n, was, is)
		}
	}
	maps.Copy(h.judged, now)
	return ""
}

// values are the flows of a compiler by key.
func (c *Compiler) values() map[of.FlowKey]of.Flow {
	out := make(map[of.FlowKey]of.Flow, len(c.set.flows))
	for k, e := range c.set.flows {
		out[k] = e.flow()
	}
	return out
}

// difference is Diff of flow sets that are most often equal.
func difference(have, want map[of.FlowKey]of.Flow) Delta {
	if maps.Equal(have, want) {
		return Delta{}
	}
	return Diff(slices.Collect(maps.Values(have)), slices.Collect(maps.Values(want)))
}

// catchUp puts the backlog into late, and tells whether it took something away.
func (h *history) catchUp() (narrowed bool) {
	for _, f := range h.backlog.Put {
		old, ok := h.late[f.Key()]
		narrowed = narrowed || ok && old != f
		h.late[f.Key()] = f
	}
	for _, f := range h.backlog.Delete {
		_, ok := h.late[f.Key()]
		narrowed = narrowed || ok
		delete(h.late, f.Key())
	}
	return narrowed
}

// install applies a delta as a switch would, and refuses what makes no sense.
func (h *history) install(t *testing.T, d Delta) {
	t.Helper()
	h.backlog = h.backlog.Then(d)
	replaced := 0
	for _, f := range d.Put {
		switch old, ok := h.installed[f.Key()]; {
		case old == f:
			t.Errorf("put, but there already: %v", f)
		case ok:
			replaced++
		}
		h.installed[f.Key()] = f
	}
	for _, f := range d.Delete {
		if _, ok := h.installed[f.Key()]; !ok {
			t.Errorf("deleted, but not there: %v", f)
		}
		delete(h.installed, f.Key())
	}
	if d.Replaced != replaced {
		t.Errorf("%d flows replaced, but said to be %d", replaced, d.Replaced)
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

// plugSome plugs and unplugs NICs at random.
func (h *history) plugSome() {
	if h.IntN(6) == 0 {
		h.uplink = h.nextPort*uint32(h.IntN(2)) + uint32(h.IntN(3)) // perhaps some NIC's
	}
	for _, n := range h.snapshot.NICs() {
		switch h.IntN(4) {
		case 0:
			delete(h.ports, n.ID)
		case 1, 2:
			if h.IntN(10) > 0 { // otherwise two NICs may be in one place
				h.nextPort++
			}
			h.ports[n.ID] = Port{OFPort: h.nextPort, Zone: uint16(h.nextPort)}
		}
	}
	if h.IntN(3) == 0 {
		h.ports["unknown"] = Port{OFPort: 9, Zone: 9}
	}
}

// host says which ports are others than before, as a controller does, now and
// then.
func (h *history) host() Host { return Host{Ports: h.ports, Uplink: h.uplink, Changed: h.replugged} }

// differing are the NICs that are plugged in different places.
func differing(a, b map[string]Port) map[string]struct{} {
	out := map[string]struct{}{}
	for _, ports := range []map[string]Port{a, b} {
		for id := range ports {
			if a[id] != b[id] {
				out[id] = struct{}{}
			}
		}
	}
	return out
}
