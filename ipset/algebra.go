package ipset

import "slices"

// Union returns the addresses that are in s or in o.
func (s Set) Union(o Set) Set {
	return ofRanges(slices.Concat(s.ranges, o.ranges))
}

// Intersect returns the addresses that are in both s and o.
func (s Set) Intersect(o Set) Set {
	var both []Range
	a, b := s.ranges, o.ranges
	for len(a) > 0 && len(b) > 0 {
		r := Range{a[0].First, a[0].Last}
		if r.First.Less(b[0].First) {
			r.First = b[0].First
		}
		if b[0].Last.Less(r.Last) {
			r.Last = b[0].Last
		}
		if r.First.Compare(r.Last) <= 0 {
			both = append(both, r)
		}
		if a[0].Last.Less(b[0].Last) {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return Set{both}
}

// Subtract returns the addresses that are in s but not in o.
func (s Set) Subtract(o Set) Set {
	var left []Range
	cuts := o.ranges
	for _, r := range s.ranges {
		for len(cuts) > 0 && cuts[0].Last.Less(r.First) {
			cuts = cuts[1:]
		}
		rest := true
		for _, cut := range cuts {
			if r.Last.Less(cut.First) {
				break
			}
			if r.First.Less(cut.First) {
				left = append(left, Range{r.First, cut.First.Prev()})
			}
			if rest = cut.Last.Less(r.Last); !rest {
				break
			}
			r.First = cut.Last.Next()
		}
		if rest {
			left = append(left, r)
		}
	}
	return Set{left}
}
