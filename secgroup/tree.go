package secgroup

import (
	"iter"
	"slices"

	"github.com/tidwall/btree"
)

// edit stands for one change of a policy that is being made. What has its edit was
// made by it, nobody else has seen it, and it may be changed in place.
type edit struct{ _ byte }

// tree is an ordered map that is a value: a copy of it is not changed by what
// changes the other. Trees that come of each other share what is alike.
type tree[K ~string | ~uint64, V any] struct {
	m  *btree.Map[K, V] // nil: empty
	by *edit            // that made m
}

// treeDegree bounds what is copied for a change: 15 entries a level.
const treeDegree = 8

func (t tree[K, V]) len() int {
	if t.m == nil {
		return 0
	}
	return t.m.Len()
}

// get returns what is at k, zero if nothing is.
func (t tree[K, V]) get(k K) (v V) {
	if t.m != nil {
		v, _ = t.m.Get(k)
	}
	return v
}

func (t tree[K, V]) has(k K) (found bool) {
	if t.m != nil {
		_, found = t.m.Get(k)
	}
	return found
}

// all yields the entries in the order of their keys.
func (t tree[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if t.m != nil {
			t.m.Scan(yield)
		}
	}
}

// from yields the entries from a key on, in order.
func (t tree[K, V]) from(k K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if t.m != nil {
			t.m.Ascend(k, yield)
		}
	}
}

// set puts v at k.
func (t *tree[K, V]) set(e *edit, k K, v V) { t.own(e).Set(k, v) }

// remove removes what is at k.
func (t *tree[K, V]) remove(e *edit, k K) {
	if !t.has(k) {
		return
	}
	if t.own(e).Delete(k); t.m.Len() == 0 {
		t.m = nil
	}
}

// own returns the map as one that the edit may change.
func (t *tree[K, V]) own(e *edit) *btree.Map[K, V] {
	switch {
	case t.m == nil:
		t.m = btree.NewMap[K, V](treeDegree)
	case t.by != e:
		m := *t.m // Copy writes to what it copies, and others may be copying it
		t.m = m.Copy()
	}
	t.by = e
	return t.m
}

// pack has the nodes hold no more than their entries. Where these came in order, as those
// of a list do, all but the last node were split in half, and hold what the other half was.
func (t *tree[K, V]) pack() {
	if t.m != nil {
		m := t.m.Copy()
		m.ScanMut(func(K, V) bool { return true }) // which copies each node
		t.m = m
	}
}

// with and without make of a sorted slice another one, for the many small sets
// (the groups of a NIC, the NICs of an instance).
func with[T any](s []T, v T, compare func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(s, v, compare)
	if found {
		return s
	}
	return slices.Concat(s[:at], []T{v}, s[at:])
}

// insert is with for a long slice that grows by one at a time: its array has room, which is
// used. Whoever shares the array clips the slice first.
func insert[T any](s []T, v T, compare func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(s, v, compare)
	if found {
		return s
	}
	return slices.Insert(s, at, v)
}

func without[T any](s []T, v T, compare func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(s, v, compare)
	switch {
	case !found:
		return s
	case len(s) == 1:
		return nil
	}
	return slices.Concat(s[:at], s[at+1:])
}
