package ofrules

import (
	"github.com/ringfence/ringfence/secgroup"
)

// syncLabels enumerates the members of labels that are new and forgets those of
// labels that no rule names any more.
func (c *Compiler) syncLabels(s *secgroup.Snapshot) {
	for l := range c.pending.labels {
		switch {
		case l.refs == [2]int{}:
			for _, m := range l.nics {
				c.shared.addrs.add(m, l, -1)
			}
			l.nics = nil
			delete(c.shared.labels, l.group)
			delete(c.shared.naming, l)
			c.numbers.labels.release(groupName(l.group))
		case l.nics == nil:
			l.nics = map[string]membership{}
			for _, n := range s.MemberNICs(l.group) {
				m := membership{n, s.Domain(n)}
				l.nics[n.ID] = m
				c.shared.addrs.add(m, l, 1)
			}
		default: // a direction came or went
			for _, m := range l.nics {
				c.shared.addrs.touch(m)
			}
		}
	}
}

// syncMembers follows the touched NICs into and out of labels.
func (c *Compiler) syncMembers(s *secgroup.Snapshot, t secgroup.Touched) {
	for id := range t.NICs {
		n := s.NIC(id)
		domain := ""
		if n != nil {
			domain = s.Domain(n)
		}
		for _, l := range c.shared.labels {
			old, was := l.nics[id]
			is := n != nil && s.Judges(l.group, n)
			if was == is && (!is || old == membership{n, domain}) {
				continue
			}
			if is {
				m := membership{n, domain}
				c.shared.addrs.add(m, l, 1)
				l.nics[id] = m
			} else {
				delete(l.nics, id)
			}
			if was {
				c.shared.addrs.add(old, l, -1)
			}
		}
	}
}

// syncAddresses renders the address flows that changed. Labels whose composites
// came or went have their rules compiled again.
func (c *Compiler) syncAddresses() {
	if len(c.pending.domains) > 0 {
		for p, sp := range c.shared.addrs.places {
			if _, ok := c.pending.domains[p.domain]; ok {
				c.shared.addrs.touchSpot(sp)
			}
		}
	}
	for _, sp := range c.shared.addrs.dirty {
		sp.dirty = false
		if len(sp.labels) == 0 {
			delete(c.shared.addrs.places, sp.place)
		}
		for dir, changed := range c.renderPlace(sp) {
			for _, l := range changed {
				for k := range c.shared.naming[l] {
					if dirOf(c.shared.units[k].rule.Direction) == dir {
						c.pending.units[k] = struct{}{}
					}
				}
			}
		}
	}
	c.shared.addrs.dirty = nil
	for d := range c.pending.domains {
		if c.shared.domains[d] == 0 {
			c.numbers.domains.release(d) // not before its flows are gone
		}
	}
}
