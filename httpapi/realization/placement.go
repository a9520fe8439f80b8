package realization

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Placement says where NICs are plugged, by the hosts' own reports. A report
// counts for a NIC only from a host where the NIC may be.
type Placement struct {
	// Places are all where a NIC is plugged, whether or not it may be: Store.Places.
	Places func(nic string) []store.Place
}

// Find returns where a NIC is. Of several hosts where it may be it is the one
// that the NIC names first; of a NIC that names none, the one that is ready.
func (p Placement) Find(n *secgroup.NIC) (found store.Place, ok bool) {
	return find(n, p.Places(n.ID))
}

// Look returns what Find and Conflict do, by one look at the hosts.
func (p Placement) Look(n *secgroup.NIC) (found store.Place, ok bool, wrong *Conflict) {
	all := p.Places(n.ID)
	found, ok = find(n, all)
	return found, ok, conflictOf(n, all)
}

func find(n *secgroup.NIC, all []store.Place) (found store.Place, ok bool) {
	for _, at := range all {
		if n.MayBeAt(at.Host) && (!ok || preferred(n, at, found)) {
			found, ok = at, true
		}
	}
	return found, ok
}

// Together tells whether two NICs are at one host.
func (p Placement) Together(a, b *secgroup.NIC) bool {
	at, ok := p.Find(a)
	with, too := p.Find(b)
	return ok && too && at.Host == with.Host
}

// preferred reports whether a says more of where the NIC is than b does.
func preferred(n *secgroup.NIC, a, b store.Place) bool {
	if len(n.Hosts) > 0 {
		return slices.Index(n.Hosts, a.Host) < slices.Index(n.Hosts, b.Host)
	}
	if a.NIC.Ready != b.NIC.Ready {
		return a.NIC.Ready
	}
	return a.NIC.Applied > b.NIC.Applied
}

// Conflict says that a NIC is plugged where it may not be, or at several
// hosts without saying which of them it may be at.
type Conflict struct {
	Detail string   `json:"detail"`
	Hosts  []string `json:"hosts"` // where it is plugged
}

// Conflict returns what is wrong with where a NIC is plugged, nil if nothing is.
func (p Placement) Conflict(n *secgroup.NIC) *Conflict { return conflictOf(n, p.Places(n.ID)) }

func conflictOf(n *secgroup.NIC, all []store.Place) *Conflict {
	var at []string
	ready := ""
	for _, c := range all {
		at = append(at, c.Host)
		if c.NIC.Ready {
			ready += " " + c.Host
		}
	}
	detail := ConflictOf(n, at)
	if detail == "" {
		return nil
	}
	if one := strings.Fields(ready); len(n.Hosts) == 0 && len(one) == 1 {
		detail += "; it is served at " + one[0]
	}
	return &Conflict{detail, at}
}

// ConflictOf says what is wrong with a NIC being plugged at those hosts, "" if
// nothing is.
func ConflictOf(n *secgroup.NIC, at []string) string {
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
