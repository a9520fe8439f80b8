package revoke

import (
	"iter"
	"maps"

	"github.com/ringfence/ringfence/impact"
)

// Lost says which connections of a host's NICs may be lost by changes: an
// impact.Loss, with the NICs that its groups judged when the policy had the changes
// and nothing later. So what happens to a NIC afterwards does not take it out.
type Lost struct {
	All  bool                // every connection
	NICs map[string]struct{} // every connection of these
	// Near are NICs that lose connections with an end at one of LeftAddresses.
	Near          map[string]struct{}
	LeftAddresses map[impact.Address]struct{}
}

// LostOf says what a loss means for the NICs that are plugged. p has the changes and
// nothing later. A loss of NICs alone is as much work as it names NICs.
func LostOf(l impact.Loss, p impact.Host, nics NICs) Lost {
	switch {
	case l.All:
		return Lost{All: true}
	case len(l.Groups)+len(l.Named) == 0:
		return Lost{NICs: maps.Clone(l.NICs)}
	}
	out := Lost{NICs: maps.Clone(l.NICs), LeftAddresses: maps.Clone(l.LeftAddresses)}
	whole := impact.Loss{Groups: l.Groups}
	near := impact.Loss{Named: l.Named}
	for _, id := range nics.All() {
		switch {
		case whole.Reaches(p, id, false):
			impact.Put(&out.NICs, id)
		case near.Reaches(p, id, false):
			impact.Put(&out.Near, id)
		}
	}
	return out
}

// LostNICs are all connections of some NICs.
func LostNICs(ids ...string) (l Lost) {
	for _, id := range ids {
		impact.Put(&l.NICs, id)
	}
	return l
}

func (l *Lost) merge(o Lost) {
	l.All = l.All || o.All
	impact.Merge(&l.NICs, o.NICs)
	impact.Merge(&l.Near, o.Near)
	impact.Merge(&l.LeftAddresses, o.LeftAddresses)
}

func (l *Lost) empty() bool { return !l.All && len(l.NICs)+len(l.Near) == 0 }

// zones yields the zones in which a connection can be among the lost ones.
func (l *Lost) zones(nics NICs) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		if l.All {
			for zone := range nics.All() {
				if !yield(zone) {
					return
				}
			}
			return
		}
		for id := range l.ids() {
			if zone := nics.Zone(id); zone != 0 && !yield(zone) {
				return
			}
		}
	}
}

// ids yields the NICs, unless it is all of them.
func (l *Lost) ids() iter.Seq[string] {
	return func(yield func(string) bool) {
		for id := range l.NICs {
			if !yield(id) {
				return
			}
		}
		for id := range l.Near {
			if _, twice := l.NICs[id]; !twice && !yield(id) {
				return
			}
		}
	}
}

// has reports whether a connection of a NIC, which is in a routing domain, is
// among the lost ones.
func (l *Lost) has(nic, domain string, c impact.Conn) bool {
	if _, all := l.NICs[nic]; all || l.All {
		return true
	}
	if _, near := l.Near[nic]; !near {
		return false
	}
	_, src := l.LeftAddresses[impact.Address{Domain: domain, Addr: c.Packet.Src}]
	_, dst := l.LeftAddresses[impact.Address{Domain: domain, Addr: c.Packet.Dst}]
	return src || dst
}
