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
	hosts      map[*host]struct{}  // in whose shares they are
	addrs      map[netip.Addr]int  // with how many members have each
	sorted     []netip.Addr        // the same; nil: to be sorted
	heldBefore map[netip.Addr]bool // before this round, of those counted in it
	change     *Change             // of this round; nil: not known yet
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
	p := r.membersIn(m.domain)
	for _, a := range secgroup.MemberAddresses(m.nic) {
		x.steps++
		if noted {
			noteNeed(&p.heldBefore, a, p.addrs[a])
		}
		if count(p.addrs, a, n) {
			p.sorted = nil
		}
	}
	if noted {
		if x.round.moved == nil {
			x.round.moved = map[*memberAddresses]struct{}{}
		}
		x.round.moved[p] = struct{}{}
	}
}

// membersIn returns the remote's members in a domain, and makes the list if there is none.
func (r *remote) membersIn(domain string) *memberAddresses {
	p := r.domains[domain]
	if p == nil {
		p = &memberAddresses{Label: Label{r.ref, domain}, hosts: map[*host]struct{}{}, addrs: map[netip.Addr]int{}}
		r.domains[domain] = p
	}
	return p
}

func (p *memberAddresses) sortedAddresses() []netip.Addr {
	if p.sorted == nil {
		p.sorted = slices.SortedFunc(maps.Keys(p.addrs), netip.Addr.Compare)
	}
	return p.sorted
}

// changeOfRound is what this round adds and takes away.
func (p *memberAddresses) changeOfRound() Change {
	if len(p.heldBefore) == 0 {
		return Change{} // it is none of those that the end of the round looks at
	}
	if p.change == nil {
		p.change = &Change{}
		for a, was := range p.heldBefore {
			switch is := p.addrs[a] > 0; {
			case is && !was:
				p.change.Add = append(p.change.Add, a)
			case was && !is:
				p.change.Remove = append(p.change.Remove, a)
			}
		}
		slices.SortFunc(p.change.Add, netip.Addr.Compare)
		slices.SortFunc(p.change.Remove, netip.Addr.Compare)
	}
	return *p.change
}

// countBefore is how many there were before this round.
func (p *memberAddresses) countBefore() int {
	c := p.changeOfRound()
	return len(p.addrs) - len(c.Add) + len(c.Remove)
}

// memberChange returns what changes for a host in the members of a label that was and
// is in its share, and keeps note of who has it.
func (x *Index) memberChange(l Label, h *host, was, is bool) (c Change) {
	r := x.remotes[l.Group]
	if r == nil || !was && !is {
		return c
	}
	p := r.membersIn(l.Domain)
	switch {
	case was && is:
		return p.changeOfRound()
	case is:
		p.hosts[h] = struct{}{}
		c.Add = p.sortedAddresses()
	default:
		delete(p.hosts, h)
		c.Reset = p.countBefore() > 0
		x.dropLater(func() { x.dropAddresses(p) })
	}
	return c
}
