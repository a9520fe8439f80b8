package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// placement says where NICs are plugged, by the hosts' own reports. A report
// counts for a NIC only from a host where the NIC may be.
type placement struct {
	hosts []store.HostStatus
	index map[string][]place // by NIC, made when many are looked for; else nil
}

type place struct {
	host string
	nic  store.HostNIC
}

// indexed prepares for looking up many NICs.
func (p placement) indexed() placement {
	p.index = map[string][]place{}
	for _, h := range p.hosts {
		for _, n := range h.NICs {
			p.index[n.ID] = append(p.index[n.ID], place{h.Host, n})
		}
	}
	return p
}

// claims are all places where a NIC is plugged, whether or not it may be.
func (p placement) claims(id string) []place {
	if p.index != nil {
		return p.index[id]
	}
	var all []place
	for _, h := range p.hosts {
		i, here := slices.BinarySearchFunc(h.NICs, id, func(n store.HostNIC, id string) int { return strings.Compare(n.ID, id) })
		if here {
			all = append(all, place{h.Host, h.NICs[i]})
		}
	}
	return all
}

// find returns where a NIC is. Of several hosts where it may be it is the one
// that the NIC names first; of a NIC that names none, the one that is ready.
func (p placement) find(n *secgroup.NIC) (found place, ok bool) {
	for _, at := range p.claims(n.ID) {
		if n.MayBeAt(at.host) && (!ok || preferred(n, at, found)) {
			found, ok = at, true
		}
	}
	return found, ok
}

// together tells whether two NICs are at one host.
func (p placement) together(a, b *secgroup.NIC) bool {
	at, ok := p.find(a)
	with, too := p.find(b)
	return ok && too && at.host == with.host
}

// preferred reports whether a says more of where the NIC is than b does.
func preferred(n *secgroup.NIC, a, b place) bool {
	if len(n.Hosts) > 0 {
		return slices.Index(n.Hosts, a.host) < slices.Index(n.Hosts, b.host)
	}
	if a.nic.Ready != b.nic.Ready {
		return a.nic.Ready
	}
	return a.nic.Applied > b.nic.Applied
}

// conflictJSON says that a NIC is plugged where it may not be, or at several
// hosts without saying which of them it may be at.
type conflictJSON struct {
	Detail string   `json:"detail"`
	Hosts  []string `json:"hosts"` // where it is plugged
}

// conflict returns what is wrong with where a NIC is plugged, nil if nothing is.
func (p placement) conflict(n *secgroup.NIC) *conflictJSON {
	var at []string
	ready := ""
	for _, c := range p.claims(n.ID) {
		at = append(at, c.host)
		if c.nic.Ready {
			ready += " " + c.host
		}
	}
	detail := conflictOf(n, at)
	if detail == "" {
		return nil
	}
	if one := strings.Fields(ready); len(n.Hosts) == 0 && len(one) == 1 {
		detail += "; it is served at " + one[0]
	}
	return &conflictJSON{detail, at}
}

// conflictOf says what is wrong with a NIC being plugged at those hosts, "" if
// nothing is.
func conflictOf(n *secgroup.NIC, at []string) string {
	var wrong []string
	for _, host := range at {
		if !n.MayBeAt(host) {
			wrong = append(wrong, host)
		}
	}
	switch {
	case len(wrong) > 0:
		return fmt.Sprintf("plugged at %s, where it may not be", strings.Join(wrong, ", "))
	case len(n.Hosts) == 0 && len(at) > 1:
		return "plugged at several hosts, and hosts does not say where it may be"
	}
	return ""
}
