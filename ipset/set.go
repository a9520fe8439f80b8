// Package ipset is the algebra of sets of IP addresses: sorted ranges of both
// families, with union, intersection, difference and the fewest prefixes that
// make up a set.
package ipset

import (
	"net/netip"
	"slices"
	"sort"
)

// Range is the addresses from First to Last, both included, of one family.
type Range struct{ First, Last netip.Addr }

// Set is an immutable set of IPv4 and IPv6 addresses. An IPv4-mapped IPv6
// address is the IPv4 address it stands for, and zones are dropped. The zero
// value is the empty set.
type Set struct {
	// ranges are sorted, IPv4 first, and neither overlap nor touch: a set has one form.
	ranges []Range
}

// OfPrefixes returns the addresses of all the prefixes. Invalid ones are empty.
func OfPrefixes(prefixes ...netip.Prefix) Set {
	ranges := make([]Range, 0, len(prefixes))
	for _, p := range prefixes {
		if p.IsValid() {
			ranges = append(ranges, rangeOf(p))
		}
	}
	return ofRanges(ranges)
}

// OfAddrs returns the set of the addresses. Invalid ones are left out.
func OfAddrs(addrs ...netip.Addr) Set {
	ranges := make([]Range, 0, len(addrs))
	for _, a := range addrs {
		if a = plain(a); a.IsValid() {
			ranges = append(ranges, Range{a, a})
		}
	}
	return ofRanges(ranges)
}

// plain is the one form of an address in a set.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// rangeOf returns the first and last address of a valid prefix.
func rangeOf(p netip.Prefix) Range {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	p = p.Masked()
	return Range{p.Addr(), lastOf(p)}
}

// lastOf returns the last address of a masked prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// ofRanges brings ranges to the one form of a set. It owns them.
func ofRanges(ranges []Range) Set {
	slices.SortFunc(ranges, func(a, b Range) int { return a.First.Compare(b.First) })
	merged := ranges[:0]
	for _, r := range ranges {
		if n := len(merged); n > 0 && joins(merged[n-1], r) {
			if merged[n-1].Last.Less(r.Last) {
				merged[n-1].Last = r.Last
			}
		} else {
			merged = append(merged, r)
		}
	}
	return Set{merged}
}

// joins reports whether b, which does not begin before a, overlaps or touches
// it. The last address of a family has no next: families never join.
func joins(a, b Range) bool {
	return a.First.BitLen() == b.First.BitLen() && (b.First.Compare(a.Last) <= 0 || a.Last.Next() == b.First)
}

// IsEmpty reports whether the set has no address.
func (s Set) IsEmpty() bool { return len(s.ranges) == 0 }

// Ranges returns the set's ranges, sorted, IPv4 first; no two touch.
func (s Set) Ranges() []Range { return slices.Clone(s.ranges) }

// Equal reports whether both sets have the same addresses.
func (s Set) Equal(o Set) bool { return slices.Equal(s.ranges, o.ranges) }

// Contains reports whether a is in the set.
func (s Set) Contains(a netip.Addr) bool {
	a = plain(a)
	if !a.IsValid() {
		return false
	}
	i := sort.Search(len(s.ranges), func(i int) bool { return a.Compare(s.ranges[i].Last) <= 0 })
	return i < len(s.ranges) && s.ranges[i].First.Compare(a) <= 0
}

// Prefixes returns the fewest prefixes that make up the set, sorted by address.
func (s Set) Prefixes() []netip.Prefix {
	var all []netip.Prefix
	for _, r := range s.ranges {
		for first := r.First; first.IsValid() && first.Compare(r.Last) <= 0; {
			p := widest(first, r.Last)
			all = append(all, p)
			first = lastOf(p).Next()
		}
	}
	return all
}

// widest returns the widest prefix that begins at first and ends by last.
func widest(first, last netip.Addr) netip.Prefix {
	p := netip.PrefixFrom(first, first.BitLen())
	for p.Bits() > 0 {
		wider := netip.PrefixFrom(first, p.Bits()-1)
		if wider.Masked().Addr() != first || last.Less(lastOf(wider)) {
			break
		}
		p = wider
	}
	return p
}
