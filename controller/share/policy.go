package share

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// Policy is a share, for those who judge the ends of its NICs. Of the policy it
// knows what is in the share: asked for anything else, it has nothing.
type Policy struct {
	share *span.Share
	host  string
}

// NIC returns a NIC that is plugged here and may be, nil for another one.
func (p Policy) NIC(id string) *secgroup.NIC { return served(p.share, p.host, id).Record }

// served returns what is plugged and may be: of anything else nothing passes here,
// and it is not known what the policy says of it.
func served(s *span.Share, host, id string) span.NIC {
	n := s.NICs[id]
	if n.Record == nil || host != "" && !n.Record.MayBeAt(host) {
		return span.NIC{}
	}
	return n
}

// Network returns a network of the share's NICs, nil for another one.
func (p Policy) Network(id string) *secgroup.Network { return p.share.Networks[id] }

// Group returns a group that judges one of the share's NICs, nil for another one.
func (p Policy) Group(ref secgroup.GroupRef) *secgroup.Group { return p.share.Groups[ref] }

// Baseline returns what every NIC may reach.
func (p Policy) Baseline() *secgroup.Baseline { return p.share.Baseline }

// Domain returns the routing domain of a NIC of the share, "" if its network is not known.
func (p Policy) Domain(n *secgroup.NIC) string {
	if network := p.share.Networks[n.Network]; network != nil {
		return network.RoutingDomain
	}
	return ""
}

// EffectiveGroups returns the groups that judge a NIC of the share, as far as it is
// filtered: those of another are not in the share.
func (p Policy) EffectiveGroups(n *secgroup.NIC) []secgroup.Effective {
	groups := p.share.NICs[n.ID].Groups
	all := make([]secgroup.Effective, 0, len(groups))
	for _, ref := range groups {
		if p.share.Groups[ref] != nil {
			all = append(all, secgroup.Effective{Group: ref})
		}
	}
	return all
}

// IsMember reports whether an address is among those of a group that the share's rules name.
func (p Policy) IsMember(g secgroup.GroupRef, domain string, a netip.Addr) bool {
	_, found := slices.BinarySearchFunc(p.share.Members[g][domain], a, netip.Addr.Compare)
	return found
}

// NICsByAddress returns none: whose the address of another end is, and what its
// rules say, is not in a share. So impact.Allowed takes every other end for one that
// is not ours.
func (Policy) NICsByAddress(string, netip.Addr) []*secgroup.NIC { return nil }

// Knows reports whether it is known what the policy says of a NIC: there may be no
// such NIC.
func (p Policy) Knows(id string) bool {
	n, asked := p.share.NICs[id]
	return asked && (n.Record == nil || p.host == "" || n.Record.MayBeAt(p.host))
}
