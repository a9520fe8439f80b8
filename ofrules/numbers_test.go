package ofrules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNumbersKnowNoHistory: names come and go; whenever no rebuild is asked for,
// each has the number that it would have if only the names present had ever
// been, and no two have the same.
func TestNumbersKnowNoHistory(t *testing.T) {
	t.Parallel()
	rebuilt, kept := 0, 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := newNumbers(7) // 128 numbers: every few names collide
		present := map[string]bool{}
		for range 100 {
			name := fmt.Sprint("name ", rng.IntN(20))
			if present[name] {
				n.release(name)
				delete(present, name)
			} else {
				n.acquire(name)
				present[name] = true
			}
			want := fromScratch(7, slices.Sorted(maps.Keys(present)))
			if n.ambiguous {
				rebuilt++
				n = newNumbers(7)
				if len(want.names) > 0 {
					n.resolve(slices.Collect(maps.Keys(present)))
				}
				for name := range present {
					n.acquire(name)
				}
			} else {
				kept++
			}
			if n.ambiguous || !maps.Equal(n.byName, want.byName) || len(n.names) != len(present) {
				t.Fatalf("seed %d: numbers %v, from scratch %v", seed, n.byName, want.byName)
			}
		}
	}
	if rebuilt < 1000 || kept < 1000 {
		t.Errorf("%d rebuilt, %d kept: too tame to prove anything", rebuilt, kept)
	}
}

// fromScratch numbers some names as a compile from scratch does.
func fromScratch(bits uint, names []string) *numbers {
	n := newNumbers(bits)
	for _, name := range names {
		n.acquire(name)
	}
	if n.ambiguous {
		n = newNumbers(bits)
		n.resolve(names)
	}
	return n
}

// TestNumbersAreReferenceCounted: a name keeps its number until the last
// reference is given back.
func TestNumbersAreReferenceCounted(t *testing.T) {
	t.Parallel()
	n := newNumbers(32)
	v := n.acquire("a")
	if w := n.acquire("a"); w != v || n.of("a") != v {
		t.Errorf("one name has the numbers %d and %d", v, w)
	}
	n.release("a")
	if name, ok := n.name(v); !ok || name != "a" || !n.has("a") {
		t.Error("the number went with the first reference")
	}
	n.release("a")
	if _, ok := n.name(v); ok || n.has("a") || n.of("a") != 0 {
		t.Error("the number stayed after the last reference")
	}
}

// TestReservedNumbers: no name gets a number that means something else: 0 is no
// label, no profile and no rule, and the lowest ct_marks are no rules'.
func TestReservedNumbers(t *testing.T) {
	t.Parallel()
	for _, mark := range []uint32{0, MarkUnrestricted, MarkBaseline, MarkFragment, MarkUnfiltered} {
		if mark >= firstNumber {
			t.Errorf("mark %d could be a rule's number", mark)
		}
	}
	for _, bits := range []uint{5, 9, 32} {
		n := newNumbers(bits)
		for i := range 2000 {
			if v := n.probe(fmt.Sprint(i), i%3); v < firstNumber {
				t.Fatalf("%d bits: name %d has number %d", bits, i, v)
			}
		}
	}
}
