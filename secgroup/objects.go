package secgroup

import "iter"

// Objects yields every object of the snapshot, in no particular order. It
// yields attachments whose group is absent too, and the baseline only if one
// was put.
func (s *Snapshot) Objects() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for _, a := range s.accounts {
			if a.object != nil && !yield(a.object) {
				return
			}
		}
		for _, n := range s.networks {
			if n.object != nil && !yield(n.object) {
				return
			}
		}
		for _, i := range s.instances {
			if i.object != nil && !yield(i.object) {
				return
			}
		}
		for _, n := range s.nics {
			if n.object != nil && !yield(n.object) {
				return
			}
		}
		for r, g := range s.groups {
			if g.object != nil && !yield(g.object) {
				return
			}
			for _, a := range s.AttachmentsOfGroup(r) {
				_, a.Closed = s.closed[a]
				if !yield(&a) {
					return
				}
			}
		}
		if s.baseline.Revision != 0 {
			yield(s.baseline)
		}
	}
}
