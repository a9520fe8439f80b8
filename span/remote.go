package span

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// remote is a group that rules in some share name.
type remote struct {
	ref     secgroup.GroupRef
	hosts   int // that name it
	domains map[string]*memberAddresses
}

// memberAddresses are the addresses of a remote's members in one domain.
type memberAddresses struct {
	Label
	hosts  map[*host]struct{}  // in whose shares they are
	addrs  map[netip.Addr]int  // with how many members have each
	sorted []netip.Addr        // the same; nil: to be sorted
	was    map[netip.Addr]bool // before this turn, of those counted in it
	diff   *Change             // of this turn; nil: not known yet
}

// member is a NIC that is a member of remotes.
type member struct {
	nic     *secgroup.NIC
	domain  string
	remotes []*remote
}

// moveMember follows a NIC into and out of remotes.
func (x *Index) moveMember(id string) {
	x.steps++
	old := x.members[id]
	now := member{nic: x.policy.NIC(id)}
	if now.nic != nil {
		now.domain = x.policy.Domain(now.nic)
		for _, e := range x.policy.EffectiveGroups(now.nic) {
			x.steps++
			if r := x.remotes[e.Group]; r != nil && x.policy.Judges(e.Group, now.nic) {
				now.remotes = append(now.remotes, r)
			}
		}
	}
	if old != nil {
		x.countMember(old, -1, true)
		delete(x.members, id)
	}
	if len(now.remotes) > 0 {
		x.countMember(&now, 1, true)
		x.members[id] = &now
	}
}

// countMember counts a member of its remotes more or less.
func (x *Index) countMember(m *member, n int, noted bool) {
	for _, r := range m.remotes {
		x.countIn(r, m, n, noted)
	}
}

// countIn counts a member of one remote more or less. If that is noted, it is a
// change to the hosts that had the remote before.
func (x *Index) countIn(r *remote, m *member, n int, noted bool) {
	if m.domain == "" {
		return
	}
	p := r.in(m.domain)
	for _, a := range secgroup.MemberAddresses(m.nic) {
		x.steps++
		if noted {
			note(&p.was, a, p.addrs[a])
		}
		if count(p.addrs, a, n) {
			p.sorted = nil
		}
	}
	if noted {
		if x.turn.moved == nil {
			x.turn.moved = map[*memberAddresses]struct{}{}
		}
		x.turn.moved[p] = struct{}{}
	}
}

// in returns the remote's places in a domain, made if need be.
func (r *remote) in(domain string) *memberAddresses {
	p := r.domains[domain]
	if p == nil {
		p = &memberAddresses{Label: Label{r.ref, domain}, hosts: map[*host]struct{}{}, addrs: map[netip.Addr]int{}}
		r.domains[domain] = p
	}
	return p
}

func (p *memberAddresses) list() []netip.Addr {
	if p.sorted == nil {
		p.sorted = slices.SortedFunc(maps.Keys(p.addrs), netip.Addr.Compare)
	}
	return p.sorted
}

// changed is what this turn adds and takes away.
func (p *memberAddresses) changed() Change {
	if len(p.was) == 0 {
		return Change{} // it is none of those that the end of the turn looks at
	}
	if p.diff == nil {
		p.diff = &Change{}
		for a, was := range p.was {
			switch is := p.addrs[a] > 0; {
			case is && !was:
				p.diff.Add = append(p.diff.Add, a)
			case was && !is:
				p.diff.Remove = append(p.diff.Remove, a)
			}
		}
		slices.SortFunc(p.diff.Add, netip.Addr.Compare)
		slices.SortFunc(p.diff.Remove, netip.Addr.Compare)
	}
	return *p.diff
}

// countBefore is how many there were before this turn.
func (p *memberAddresses) countBefore() int {
	c := p.changed()
	return len(p.addrs) - len(c.Add) + len(c.Remove)
}

// labelled returns what changes for a host in the members of a label that was and
// is in its share, and keeps note of who has it.
func (x *Index) labelled(l Label, h *host, was, is bool) (c Change) {
	r := x.remotes[l.Group]
	if r == nil || !was && !is {
		return c
	}
	p := r.in(l.Domain)
	switch {
	case was && is:
		return p.changed()
	case is:
		p.hosts[h] = struct{}{}
		c.Add = p.list()
	default:
		delete(p.hosts, h)
		c.Reset = p.countBefore() > 0
		x.idle(func() { x.dropAddresses(p) })
	}
	return c
}
