package secgroup

import (
	"iter"
	"slices"
)

// chunkSize bounds what an insertion moves: half a chunk of pointers, 1 kB.
const chunkSize = 256

// ordered is a sorted set kept in chunks, so that a set of 50,000 takes little
// more memory than a slice, is listed in order for nothing, and still changes
// in O(log n + chunkSize). Every call on one set gives the same comparison.
type ordered[T any] struct {
	chunks [][]T // none empty
	n      int
}

func (o *ordered[T]) len() int { return o.n }

// locate returns the chunk that holds v or would take it.
func (o *ordered[T]) locate(v T, compare func(a, b T) int) int {
	i, found := slices.BinarySearchFunc(o.chunks, v, func(c []T, v T) int { return compare(c[0], v) })
	if !found && i > 0 {
		i--
	}
	return i
}

// insert adds v and says whether it was absent.
func (o *ordered[T]) insert(v T, compare func(a, b T) int) bool {
	if len(o.chunks) == 0 {
		o.chunks, o.n = [][]T{{v}}, 1
		return true
	}
	last := len(o.chunks) - 1
	if c := o.chunks[last]; compare(c[len(c)-1], v) < 0 { // in order, as a full load comes
		if len(c) < chunkSize {
			o.chunks[last] = append(c, v)
		} else {
			o.chunks = append(o.chunks, append(make([]T, 0, chunkSize), v))
		}
		o.n++
		return true
	}
	i := o.locate(v, compare)
	c := o.chunks[i]
	at, found := slices.BinarySearchFunc(c, v, compare)
	if found {
		return false
	}
	c = slices.Insert(c, at, v)
	o.chunks[i] = c
	if len(c) > chunkSize {
		half := len(c) / 2
		o.chunks[i] = slices.Clone(c[:half])
		o.chunks = slices.Insert(o.chunks, i+1, slices.Clone(c[half:]))
	}
	o.n++
	return true
}

// remove deletes v and says whether it was there.
func (o *ordered[T]) remove(v T, compare func(a, b T) int) bool {
	if len(o.chunks) == 0 {
		return false
	}
	i := o.locate(v, compare)
	at, found := slices.BinarySearchFunc(o.chunks[i], v, compare)
	if !found {
		return false
	}
	o.n--
	if o.chunks[i] = slices.Delete(o.chunks[i], at, at+1); len(o.chunks[i]) == 0 {
		o.chunks = slices.Delete(o.chunks, i, i+1)
	}
	return true
}

// all yields the elements in order. The set may not change meanwhile.
func (o *ordered[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, c := range o.chunks {
			for _, v := range c {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// insertSorted and removeSorted do the same on a plain sorted slice, for the
// many small sets (the groups of a NIC, the NICs of an instance).
func insertSorted[T any](s []T, v T, compare func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(s, v, compare)
	if found {
		return s
	}
	if len(s) == 0 {
		return []T{v} // exactly one: most sets stay that small
	}
	return slices.Insert(s, at, v)
}

func removeSorted[T any](s []T, v T, compare func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(s, v, compare)
	if !found {
		return s
	}
	if len(s) == 1 {
		return nil
	}
	return slices.Delete(s, at, at+1)
}
