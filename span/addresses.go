package span

import (
	"net/netip"
	"slices"
)

// Sets of addresses are sorted lists.

// plus returns what is in a or in b; it may be one of them.
func plus(a, b []netip.Addr) []netip.Addr {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	}
	out := make([]netip.Addr, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].Compare(b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// minus returns what is in a and not in b; it may be a.
func minus(a, b []netip.Addr) []netip.Addr {
	if len(a) == 0 || len(b) == 0 {
		return a
	}
	var out []netip.Addr
	for _, x := range a {
		for len(b) > 0 && b[0].Less(x) {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != x {
			out = append(out, x)
		}
	}
	return out
}

// editMost is up to how many changes a set is edited in place: each moves half of it.
const editMost = 8

// edit returns what is in set and not in remove, or in add. It may change set, and
// returns neither add nor remove.
func edit(set, add, remove []netip.Addr) []netip.Addr {
	if len(add)+len(remove) > editMost {
		if set = minus(set, remove); len(set) == 0 {
			return slices.Clone(add)
		}
		return plus(set, add)
	}
	for _, a := range remove {
		if i, found := slices.BinarySearchFunc(set, a, netip.Addr.Compare); found {
			set = slices.Delete(set, i, i+1)
		}
	}
	for _, a := range add {
		if i, found := slices.BinarySearchFunc(set, a, netip.Addr.Compare); !found {
			set = slices.Insert(set, i, a)
		}
	}
	return set
}
