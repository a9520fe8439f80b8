package span

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// The functions here follow a host that has come to need something, or does not
// any more.

// dropLater has something dropped at the end of the round. It is up to drop to find out
// whether somebody has come to need it again.
func (x *Index) dropLater(drop func()) { x.round.drops = append(x.round.drops, drop) }

// needNetwork follows whether a host needs a network.
func (x *Index) needNetwork(id string, h *host) {
	n := x.networks[id]
	if n == nil {
		n = &network{object: enforcedNetwork(x.policy.Network(id)), hosts: map[*host]struct{}{}}
		x.networks[id] = n
	}
	if h.networks[id] > 0 {
		n.hosts[h] = struct{}{}
		return
	}
	delete(n.hosts, h)
	x.dropLater(func() {
		if len(n.hosts) == 0 {
			delete(x.networks, id)
		}
	})
}

// needGroup follows whether a host needs a group, and returns the remotes that the
// group's rules name.
func (x *Index) needGroup(ref secgroup.GroupRef, h *host) []secgroup.GroupRef {
	g := x.groups[ref]
	if g == nil {
		object := enforcedGroup(x.policy.Group(ref))
		g = &group{object: object, remotes: remotesOf(object), hosts: map[*host]struct{}{}}
		x.groups[ref] = g
	}
	if h.groups[ref] > 0 {
		g.hosts[h] = struct{}{}
		return g.remotes
	}
	delete(g.hosts, h)
	x.dropLater(func() {
		if len(g.hosts) == 0 {
			delete(x.groups, ref)
		}
	})
	return g.remotes
}

// needRemote follows whether a host needs a remote, whose members are counted while some
// host does.
func (x *Index) needRemote(ref secgroup.GroupRef, h *host) {
	r := x.remotes[ref]
	if h.remotes[ref] == 0 {
		r.hosts--
		x.dropLater(func() { x.dropRemote(r) })
		return
	}
	if r == nil {
		r = &remote{ref: ref, domains: map[string]*memberAddresses{}}
		x.remotes[ref] = r
		for _, n := range x.policy.MemberNICs(ref) {
			m := x.members[n.ID]
			if m == nil {
				m = &member{nic: n, domain: x.policy.Domain(n)}
				x.members[n.ID] = m
			}
			m.remotes = append(m.remotes, r)
			x.countIn(r, m, 1, false)
		}
	}
	r.hosts++
}

func (x *Index) dropRemote(r *remote) {
	if r.hosts > 0 || x.remotes[r.ref] != r {
		return
	}
	delete(x.remotes, r.ref)
	for _, n := range x.policy.MemberNICs(r.ref) {
		m := x.members[n.ID]
		x.steps++
		if m.remotes = slices.DeleteFunc(m.remotes, func(o *remote) bool { return o == r }); len(m.remotes) == 0 {
			delete(x.members, n.ID)
		}
	}
}

func (x *Index) dropAddresses(p *memberAddresses) {
	if r := x.remotes[p.Group]; r != nil && len(p.hosts)+len(p.addrs) == 0 {
		delete(r.domains, p.Domain)
	}
}
