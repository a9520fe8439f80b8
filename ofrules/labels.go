package ofrules

import (
	"unique"

	"github.com/ringfence/ringfence/span"
)

// syncLabels enumerates the members of labels that are new and forgets those of
// labels that no rule names any more.
func (c *Compiler) syncLabels(s *span.Share) {
	for l := range c.pending.labels {
		switch {
		case l.refs == [2]int{}:
			for sp := range l.addresses {
				c.shared.addrs.remove(sp, l)
			}
			l.addresses = nil
			delete(c.shared.labels, l.group)
			delete(c.shared.labelUsers, l)
			c.numbers.labels.release(groupName(l.group))
		case l.addresses == nil:
			l.addresses = map[*remoteAddress]struct{}{}
			for name, members := range s.Members[l.group] {
				domain := unique.Make(name)
				for _, a := range members {
					c.shared.addrs.add(address{domain, a}, l)
				}
			}
		default: // a direction came or went
			for sp := range l.addresses {
				c.shared.addrs.touch(sp)
			}
		}
	}
}

// syncMembers adds addresses to labels and removes them. Labels that syncLabels has
// enumerated just now have their addresses already.
func (c *Compiler) syncMembers(d span.Delta) {
	for where, change := range d.Members {
		l := c.shared.labels[where.Group]
		if l == nil {
			continue
		}
		domain := unique.Make(where.Domain)
		if change.Reset {
			for sp := range l.addresses {
				if sp.at.domain == domain {
					c.shared.addrs.remove(sp, l)
				}
			}
		}
		for _, a := range change.Remove {
			if sp := c.shared.addrs.byAddress[address{domain, a}]; sp != nil {
				c.shared.addrs.remove(sp, l)
			}
		}
		for _, a := range change.Add {
			c.shared.addrs.add(address{domain, a}, l)
		}
	}
}

// syncAddresses renders the address flows that changed. Labels whose composites
// came or went have their rules compiled again.
func (c *Compiler) syncAddresses() {
	if len(c.pending.domains) > 0 {
		for p, sp := range c.shared.addrs.byAddress {
			if _, ok := c.pending.domains[p.domain.Value()]; ok {
				c.shared.addrs.touch(sp)
			}
		}
	}
	for _, sp := range c.shared.addrs.dirty {
		sp.dirty = false
		if len(sp.labels) == 0 {
			delete(c.shared.addrs.byAddress, sp.at)
		}
		for dir, changed := range c.renderAddress(sp) {
			for _, l := range changed {
				for k := range c.shared.labelUsers[l] {
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
