package span

import "maps"

// Full returns the share of a host as a delta from nothing, and false if the index
// has no such host.
func (x *Index) Full(name string) (Delta, bool) {
	h := x.hosts[name]
	if h == nil {
		return Delta{}, false
	}
	out := Delta{Full: true, Baseline: x.baseline}
	for id, r := range h.nics {
		putIn(&out.NICs, id, &r.NIC)
	}
	for id := range h.networks {
		putIn(&out.Networks, id, x.networks[id].object)
	}
	for ref := range h.groups {
		putIn(&out.Groups, ref, x.groups[ref].object)
	}
	for p := range x.membersOf(h) {
		if len(p.addrs) > 0 {
			if out.Members == nil {
				out.Members = map[Label]Change{}
			}
			out.Members[p.Label] = Change{Add: p.sortedAddresses()}
		}
	}
	return out, true
}

// Weight is how many objects and addresses the share of a host has, 0 if there is no
// such host.
func (x *Index) Weight(name string) int {
	h := x.hosts[name]
	if h == nil {
		return 0
	}
	weight := len(h.nics) + len(h.networks) + len(h.groups)
	for p := range x.membersOf(h) {
		weight += len(p.addrs)
	}
	return weight
}

// membersOf yields the lists of members that are in the share of a host.
func (x *Index) membersOf(h *host) func(yield func(*memberAddresses) bool) {
	return func(yield func(*memberAddresses) bool) {
		for ref := range h.remotes {
			r := x.remotes[ref]
			for domain := range h.domains {
				if p := r.domains[domain]; p != nil && !yield(p) {
					return
				}
			}
		}
	}
}

// Drop forgets a host. What nobody else needs is forgotten with it.
func (x *Index) Drop(name string) {
	h := x.hosts[name]
	if h == nil {
		return
	}
	d := x.draftOf(h)
	for id := range maps.Clone(h.nics) {
		d.unplug(id)
	}
	x.end()
	delete(x.hosts, name)
}

// Weight is how many objects and addresses a delta has.
func (d Delta) Weight() int {
	weight := len(d.NICs) + len(d.Networks) + len(d.Groups) + len(d.Members)
	for _, c := range d.Members {
		weight += len(c.Add) + len(c.Remove)
	}
	return weight
}
