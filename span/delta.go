package span

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Delta is what changes in a share. The zero Delta changes nothing. Deltas may
// have lists in common: nobody changes one that was handed out.
type Delta struct {
	Full     bool                         // what was in the share before is gone
	NICs     map[string]*NIC              // nil: it is not plugged any more
	Networks map[string]*secgroup.Network // nil: it is not of the share any more; so for groups
	Groups   map[secgroup.GroupRef]*secgroup.Group
	Members  map[Label]Change
	Baseline *secgroup.Baseline // nil: it is as it was
}

// Change is what changes in the members of a label. Add and Remove are sorted,
// and have none in common; nothing of Add was there, and all of Remove.
type Change struct {
	Reset       bool // what was there before is gone, and Remove is empty
	Add, Remove []netip.Addr
}

// Empty reports whether the delta changes nothing.
func (d Delta) Empty() bool {
	return !d.Full && len(d.NICs)+len(d.Networks)+len(d.Groups)+len(d.Members) == 0 && d.Baseline == nil
}

// Apply brings the share up to date.
func (s *Share) Apply(d Delta) {
	if d.Full {
		*s = *NewShare()
	}
	for id, n := range d.NICs {
		if n != nil {
			s.NICs[id] = *n
		} else {
			delete(s.NICs, id)
		}
	}
	apply(s.Networks, d.Networks)
	apply(s.Groups, d.Groups)
	for l, c := range d.Members {
		set := s.Members[l.Group][l.Domain]
		if c.Reset || len(set) == 0 {
			set = slices.Clone(c.Add) // it is edited later on
		} else {
			set = edit(set, c.Add, c.Remove)
		}
		s.setMembers(l, set)
	}
	if d.Baseline != nil {
		s.Baseline = d.Baseline
	}
}

// apply puts the objects that are not nil, and deletes the others.
func apply[K comparable, T any](to, from map[K]*T) {
	for k, o := range from {
		if o != nil {
			to[k] = o
		} else {
			delete(to, k)
		}
	}
}

// Merge returns the delta that does what d and then o do. Neither is changed.
func Merge(d, o Delta) Delta {
	switch {
	case o.Full || d.Empty():
		return o
	case o.Empty():
		return d
	}
	d.NICs, d.Networks, d.Groups = overlay(d.NICs, o.NICs), overlay(d.Networks, o.Networks), overlay(d.Groups, o.Groups)
	if len(o.Members) > 0 {
		members := make(map[Label]Change, len(d.Members)+len(o.Members))
		maps.Copy(members, d.Members)
		for l, c := range o.Members {
			if was, ok := members[l]; ok {
				c = was.followedBy(c)
			}
			if members[l] = c; c.empty() {
				delete(members, l)
			}
		}
		d.Members = members
	}
	if o.Baseline != nil {
		d.Baseline = o.Baseline
	}
	return d
}

// overlay returns a with the entries of b in the place of its own.
func overlay[K comparable, T any](a, b map[K]*T) map[K]*T {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	}
	out := make(map[K]*T, len(a)+len(b))
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

func (c Change) empty() bool { return !c.Reset && len(c.Add)+len(c.Remove) == 0 }

// followedBy is c and then o. What is added and removed again is as it was.
func (c Change) followedBy(o Change) Change {
	if o.Reset {
		return o
	}
	out := Change{Reset: c.Reset, Add: plus(minus(c.Add, o.Remove), minus(o.Add, c.Remove))}
	if !c.Reset {
		out.Remove = plus(minus(c.Remove, o.Add), minus(o.Remove, c.Add))
	}
	return out
}
