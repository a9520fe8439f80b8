package hosts

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/store/internal/record"
)

// Place is a host where a NIC is plugged, and what the host says of the NIC.
type Place struct {
	Host string
	NIC  record.HostNIC
}

// Places returns where a NIC is plugged, by the reports as they are believed, sorted by
// host. It is as much work as there are such hosts.
func (b *Board) Places(nic string) (all []Place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.plugs.hosts[nic]) == 0 || !b.refresh() {
		return nil
	}
	for _, host := range b.plugs.hosts[nic] {
		h, _ := b.believe(host)
		if i, is := slices.BinarySearchFunc(h.NICs, nic, func(n record.HostNIC, id string) int { return strings.Compare(n.ID, id) }); is {
			all = append(all, Place{host, h.NICs[i]})
		}
	}
	return all
}

// PlugCount is how many NICs hosts have plugged, those at two hosts counted twice.
func (b *Board) PlugCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.plugs.count
}

// plugs says which hosts report a NIC, each list sorted.
type plugs struct {
	hosts map[string][]string // by NIC
	count int                 // of all plugs
}

// replace has a host report these NICs instead of those before.
func (p *plugs) replace(host string, before, now []record.HostNIC) {
	if slices.EqualFunc(before, now, func(a, b record.HostNIC) bool { return a.ID == b.ID }) {
		return
	}
	for _, n := range before {
		p.count--
		if i, here := slices.BinarySearch(p.hosts[n.ID], host); here {
			if p.hosts[n.ID] = slices.Delete(p.hosts[n.ID], i, i+1); len(p.hosts[n.ID]) == 0 {
				delete(p.hosts, n.ID)
			}
		}
	}
	for _, n := range now {
		p.count++
		if i, here := slices.BinarySearch(p.hosts[n.ID], host); !here {
			p.hosts[n.ID] = slices.Insert(p.hosts[n.ID], i, host)
		}
	}
}
