package span

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Span returns the share of a host in which NICs are plugged. The name of the
// host is that by which NICs name it; "" is one where each may be. The cost is
// that of the share, and of the members of the groups that its rules name in
// whatever domain.
func Span(s *secgroup.Snapshot, host string, plugged iter.Seq[string]) *Share {
	share, domains := NewShare(), map[string]bool{}
	share.Baseline = enforcedBaseline(s.Baseline())
	for id := range plugged {
		r := resolve(s, host, id)
		share.NICs[id] = r.NIC
		if r.network != "" {
			share.Networks[r.network] = enforcedNetwork(s.Network(r.network))
		}
		if r.domain != "" {
			domains[r.domain] = true
		}
		for _, ref := range r.judges {
			if share.Groups[ref] == nil {
				share.Groups[ref] = enforcedGroup(s.Group(ref))
			}
		}
	}
	done := map[secgroup.GroupRef]bool{}
	for _, g := range share.Groups {
		for _, ref := range remotesOf(g) {
			if done[ref] {
				continue
			}
			done[ref] = true
			members := map[string][]netip.Addr{}
			for m := range s.EachMember(ref) {
				if domains[m.Domain] {
					members[m.Domain] = append(members[m.Domain], m.Address)
				}
			}
			for domain, all := range members {
				slices.SortFunc(all, netip.Addr.Compare)
				share.setMembers(Label{ref, domain}, slices.Compact(all))
			}
		}
	}
	return share
}
