package store

import "slices"

// Place is a host where a NIC is plugged, and what the host says of the NIC.
type Place struct {
	Host string
	NIC  HostNIC
}

// Host returns the last report of one host, as Hosts would. It looks at no other.
func (s *Store) Host(name string) (h HostStatus, known bool) {
	b := s.hosts()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.current() {
		return h, false
	}
	return b.believe(name)
}

// Places returns where a NIC is plugged, by what Hosts would return, sorted by host. It
// is as much work as there are such hosts.
func (s *Store) Places(nic string) (all []Place) {
	b := s.hosts()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.plugged.at[nic]) == 0 || !b.current() {
		return nil
	}
	for _, host := range b.plugged.at[nic] {
		h, _ := b.believe(host)
		if i := slices.IndexFunc(h.NICs, func(n HostNIC) bool { return n.ID == nic }); i >= 0 {
			all = append(all, Place{host, h.NICs[i]})
		}
	}
	return all
}

// PlugCount is how many NICs hosts have plugged, those at two hosts counted twice.
func (s *Store) PlugCount() int {
	b := s.hosts()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.plugged.count
}

// plugged says which hosts report a NIC, each list sorted.
type plugged struct {
	at    map[string][]string
	count int
}

// replug has a host report these NICs instead of those before.
func (p *plugged) replug(host string, before, now []HostNIC) {
	if slices.EqualFunc(before, now, func(a, b HostNIC) bool { return a.ID == b.ID }) {
		return
	}
	for _, n := range before {
		p.count--
		if i, here := slices.BinarySearch(p.at[n.ID], host); here {
			if p.at[n.ID] = slices.Delete(p.at[n.ID], i, i+1); len(p.at[n.ID]) == 0 {
				delete(p.at, n.ID)
			}
		}
	}
	for _, n := range now {
		p.count++
		if i, here := slices.BinarySearch(p.at[n.ID], host); !here {
			p.at[n.ID] = slices.Insert(p.at[n.ID], i, host)
		}
	}
}
