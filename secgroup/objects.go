package secgroup

import "iter"

// Objects yields every object of the snapshot, in no particular order. It
// yields attachments whose group is absent too, and the baseline only if one
// was put.
func (s *Snapshot) Objects() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for id, a := range s.accounts.all() {
			if !a.objects(id, s.closed, yield) {
				return
			}
		}
		for _, n := range s.networks.all() {
			if n.object != nil && !yield(n.object) {
				return
			}
		}
		for _, n := range s.nics.all() {
			if n.object != nil && !yield(n.object) {
				return
			}
		}
		if s.baseline.Revision != 0 {
			yield(s.baseline)
		}
	}
}

// objects yields an account, its instances, groups and what they are attached to.
func (a *accountNode) objects(id string, closed map[Attachment]struct{}, yield func(Object) bool) bool {
	if a.object != nil && !yield(a.object) {
		return false
	}
	for _, i := range a.instances.all() {
		if i.object != nil && !yield(i.object) {
			return false
		}
	}
	for group, g := range a.groups.all() {
		if g.object != nil && !yield(g.object) {
			return false
		}
		for _, at := range g.attachments(GroupRef{id, group}) {
			if _, at.Closed = closed[at]; !yield(&at) {
				return false
			}
		}
	}
	return true
}
