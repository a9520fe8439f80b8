package secgroup_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// TestLoader: a policy whose objects come piece by piece answers as one of all objects at once
// does, in the order of a list, where NICs are last, in any other, and if some come twice.
func TestLoader(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, seed)
			for i := range 40 {
				changes, name := h.unruly()
				h.apply(fmt.Sprintf("step %d, %s", i, name), changes)
			}
			draw := rand.New(rand.NewPCG(seed, 1))
			list := slices.SortedFunc(maps.Values(h.naive), func(a, b secgroup.Object) int {
				order := func(o secgroup.Object) int {
					if o.Key().Kind == secgroup.KindNIC {
						return 1
					}
					return 0
				}
				return order(a) - order(b)
			})
			shuffled := slices.Clone(list)
			draw.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			older := slices.Clone(h.seen)
			older = append(older, list...) // what comes last counts
			for name, objects := range map[string][]secgroup.Object{"as listed": list, "shuffled": shuffled, "some twice": older} {
				loader := secgroup.NewLoader()
				for len(objects) > 0 {
					n := 1 + draw.IntN(len(objects))
					var piece []secgroup.Change
					for _, o := range objects[:n] {
						piece = append(piece, secgroup.Put(o))
					}
					loader.Add(piece)
					objects = objects[n:]
				}
				if name == "some twice" {
					var gone []secgroup.Change
					for _, o := range h.seen {
						if _, there := h.naive[o.Key()]; !there {
							gone = append(gone, secgroup.Delete(o.Key()))
						}
					}
					loader.Add(gone)
				}
				s := loader.Done(7)
				if got, want := asked(s, h.universe), h.naive.recomputed(); s.Revision() != 7 || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: at revision %d indexes differ from a recomputation (-recomputed +index):\n%s", name, s.Revision(), diff(want, got))
				}
			}
		})
	}
}

// TestLoaderOfChanges: also of changes that follow on each other the last one counts.
func TestLoaderOfChanges(t *testing.T) {
	x, y := nic("x", "net", "10.0.0.1"), nic("y", "net", "10.0.0.2")
	gone := secgroup.Delete(y.Key())
	for name, c := range map[string]struct {
		changes []secgroup.Change
		there   bool
	}{
		"put again":        {[]secgroup.Change{secgroup.Put(x), gone, secgroup.Put(y)}, true},
		"deleted at first": {[]secgroup.Change{gone, secgroup.Put(y)}, true},
		"deleted at last":  {[]secgroup.Change{secgroup.Put(y), secgroup.Put(x), gone}, false},
	} {
		loader := secgroup.NewLoader()
		loader.Add(c.changes)
		s := loader.Done(1)
		with, _ := secgroup.NewSnapshot().With(1, c.changes)
		if got := s.NIC("y") != nil; got != c.there || (with.NIC("y") != nil) != c.there {
			t.Errorf("%s: y is there: %t, want %t", name, got, c.there)
		}
	}
}
