package secgroup

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOrdered: over random histories of sets much larger than a chunk, the set
// holds what a map holds, in order.
func TestOrdered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 20 {
		var set ordered[int]
		want := map[int]bool{}
		grow := 30 + r.IntN(70) // percent of insertions
		for i := range 3000 {
			v := r.IntN(4000)
			if round%4 == 0 {
				v = i // in order, as a load comes
			}
			if r.IntN(100) < grow {
				if set.insert(v, cmp.Compare[int]) == want[v] {
					t.Fatalf("insert(%d) of a set that has it: %v", v, want[v])
				}
				want[v] = true
			} else {
				v = r.IntN(4000)
				if set.remove(v, cmp.Compare[int]) != want[v] {
					t.Fatalf("remove(%d) of a set that has it: %v", v, want[v])
				}
				delete(want, v)
			}
		}
		if got, want := slices.Collect(set.all()), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) || set.len() != len(want) {
			t.Fatalf("%d elements, want %d", len(got), len(want))
		}
		for _, c := range set.chunks {
			if len(c) == 0 || len(c) > chunkSize {
				t.Fatalf("a chunk of %d", len(c))
			}
		}
		for v := range want {
			set.remove(v, cmp.Compare[int])
		}
		if set.len() != 0 || len(set.chunks) != 0 {
			t.Fatal("not empty at the end")
		}
	}
}

func TestSortedSlices(t *testing.T) {
	var s []int
	for _, v := range []int{3, 1, 2, 3, 1} {
		s = insertSorted(s, v, cmp.Compare[int])
	}
	if !slices.Equal(s, []int{1, 2, 3}) {
		t.Fatal(s)
	}
	for _, v := range []int{2, 2, 1, 4, 3} {
		s = removeSorted(s, v, cmp.Compare[int])
	}
	if s != nil {
		t.Fatal(s)
	}
}
