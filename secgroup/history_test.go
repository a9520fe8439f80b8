package secgroup_test

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
)

// TestHistories: after any history the indexes answer as a recomputation from
// the objects does, and what Apply did not touch answers as before it.
func TestHistories(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("orderly/%d", seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, seed)
			for i := range 150 {
				name, changes := h.gen.Step(h.snapshot)
				h.apply(fmt.Sprintf("step %d, %s", i, name), changes)
			}
			h.empty()
		})
		t.Run(fmt.Sprintf("unruly/%d", seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, seed)
			for i := range 150 {
				changes, name := h.unruly()
				h.apply(fmt.Sprintf("step %d, %s", i, name), changes)
			}
			h.empty()
		})
	}
}

type history struct {
	*testing.T
	gen      *policytest.Gen
	snapshot *secgroup.Snapshot
	last     *secgroup.Snapshot // the one before
	naive    naive
	universe *universe
	before   state
	seen     []secgroup.Object // everything that was ever put
}

func newHistory(t *testing.T, seed uint64) *history {
	t.Helper()
	h := &history{
		T: t, gen: policytest.Seeded(seed, policytest.Options{Guard: true, Shares: seed%2 == 0}),
		snapshot: secgroup.NewSnapshot(), naive: naive{}, universe: newUniverse(), before: newState(),
	}
	changes := h.gen.Policy()
	cut := h.gen.IntN(len(changes)) // a load in two batches: the first has names without objects
	h.apply("first half of the load", changes[:cut])
	h.apply("second half of the load", changes[cut:])
	return h
}

// unruly draws what only a store in disorder would send: one object deleted
// while others name it, an old one put back, a dangling attachment, a group with
// other shares, or a few of these in one batch.
func (h *history) unruly() (changes []secgroup.Change, name string) {
	for range 1 + h.gen.IntN(4) {
		switch h.gen.IntN(6) {
		case 0:
			keys := slices.SortedFunc(maps.Keys(h.naive), func(a, b secgroup.Key) int {
				return slices.Compare([]string{a.Kind.String(), a.Account, a.ID, a.Instance, a.NIC}, []string{b.Kind.String(), b.Account, b.ID, b.Instance, b.NIC})
			})
			if len(keys) > 0 {
				changes = append(changes, secgroup.Delete(keys[h.gen.IntN(len(keys))]))
				name += "+deleted"
			}
		case 1, 2:
			changes = append(changes, secgroup.Put(h.seen[h.gen.IntN(len(h.seen))]))
			name += "+put back"
		case 3:
			a := &secgroup.Attachment{Group: secgroup.GroupRef{Account: "acme", ID: []string{"never", "default"}[h.gen.IntN(2)]}}
			if h.gen.IntN(2) == 0 {
				a.NIC = "never"
			} else {
				a.Instance = "never"
			}
			changes = append(changes, secgroup.Put(a))
			name += "+dangling"
		case 5:
			if groups := h.snapshot.Groups("acme"); len(groups) > 0 {
				g := *groups[h.gen.IntN(len(groups))]
				g.Shares = nil
				for _, account := range []string{"bank", "never", "nobody"} {
					if h.gen.IntN(2) == 0 {
						g.Shares = append(g.Shares, secgroup.Share{Account: account, Attach: true})
					}
				}
				changes = append(changes, secgroup.Put(&g))
				name += "+shared"
			}
		case 4:
			if len(h.snapshot.NICs()) > 3 && len(h.snapshot.Networks()) > 0 && h.snapshot.DefaultGroup("acme") != nil && h.snapshot.DefaultGroup("bank") != nil {
				for _, n := range h.snapshot.NICs() {
					if h.snapshot.Network(n.Network) == nil {
						return changes, name
					}
				}
				step, more := h.gen.Step(h.snapshot)
				changes = append(changes, more...)
				name += "+" + step
			}
		}
	}
	return changes, name
}

// empty deletes all and looks that nothing is left, names included.
func (h *history) empty() {
	var changes []secgroup.Change
	for k := range h.naive {
		changes = append(changes, secgroup.Delete(k))
	}
	h.apply("all deleted", changes)
	if left := secgroup.Nodes(h.snapshot); left != 0 {
		h.Errorf("%d nodes left in an empty snapshot", left)
	}
}

func (h *history) apply(when string, changes []secgroup.Change) {
	h.Helper()
	for _, c := range changes {
		if c.Object != nil {
			h.seen = append(h.seen, c.Object)
		}
	}
	snapshot, touched := h.snapshot.With(h.snapshot.Revision()+1, changes)
	h.last, h.snapshot = h.snapshot, snapshot
	old := maps.Clone(h.naive)
	h.naive.apply(changes)
	h.universe.add(changes)
	if len(h.seen)%4 == 0 {
		if is, want := asked(h.last, h.universe), old.recomputed(); !reflect.DeepEqual(is, want) {
			h.Fatalf("%s: the policy of before has changed:\n%s", when, diff(want, is))
		}
	}
	after := asked(h.snapshot, h.universe)
	if want := h.naive.recomputed(); !reflect.DeepEqual(after, want) {
		h.Fatalf("%s: indexes differ from a recomputation (-recomputed +index):\n%s", when, diff(want, after))
	}
	h.untouched(when, old, touched, after)
	h.before = after
}

// untouched checks that what Touched leaves out is as it was.
func (h *history) untouched(when string, old naive, touched secgroup.Touched, after state) {
	h.Helper()
	for id := range h.universe.nics {
		_, named := touched.NICs[id]
		same := old[secgroup.NICKey(id)] == h.naive[secgroup.NICKey(id)] &&
			slices.Equal(h.before.Effective[id], after.Effective[id]) && h.before.Domains[id] == after.Domains[id]
		if !same && !named {
			h.Fatalf("%s: NIC %s changed untouched", when, id)
		}
	}
	for ref := range h.universe.groups {
		if _, named := touched.Groups[ref]; !named && old[secgroup.GroupKey(ref)] != h.naive[secgroup.GroupKey(ref)] {
			h.Fatalf("%s: group %v changed untouched", when, ref)
		}
	}
	members := map[secgroup.GroupRef]map[domainAddress]bool{}
	for g, held := range after.Members {
		members[g] = map[domainAddress]bool{}
		for _, m := range held {
			members[g][domainAddress{m.Domain, m.Address}] = true
		}
	}
	for at := range h.universe.addresses {
		for g := range h.universe.groups {
			if got := h.snapshot.IsMember(g, at.Domain, at.Address); got != members[g][at] {
				h.Fatalf("%s: IsMember(%v, %v) = %v", when, g, at, got)
			}
		}
	}
}

func diff(a, b state) string {
	return gocmp.Diff(a, b, gocmp.Comparer(func(x, y netip.Addr) bool { return x == y }))
}
