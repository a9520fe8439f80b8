package httpapi

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

type effectiveJSON struct {
	ID       string       `json:"id"`
	Via      secgroup.Via `json:"via"`
	Implicit bool         `json:"implicit"` // computed: nothing attached acts there
}

// becauseJSON says what makes a NIC egress-restricted: a group, and the rule
// that does it if the group's policy is auto.
type becauseJSON struct {
	Group string  `json:"group"`
	Rule  *string `json:"rule"`
}

type nicJSON struct {
	ID               string               `json:"id"`
	Account          string               `json:"account"`
	Instance         *string              `json:"instance"`
	Network          string               `json:"network"`
	MAC              string               `json:"mac"`
	Addresses        []string             `json:"addresses"`
	AllowedAddresses []string             `json:"allowed_addresses"`
	Enforcement      secgroup.Enforcement `json:"enforcement"`
	DHCPServer       bool                 `json:"dhcp_server"`
	EffectiveGroups  []effectiveJSON      `json:"effective_groups"`
	EgressRestricted bool                 `json:"egress_restricted"`
	Because          *becauseJSON         `json:"because"`
	Host             *string              `json:"host"`
	Ready            bool                 `json:"ready"`
	RealizedRevision *int64               `json:"realized_revision"`
	Revision         int64                `json:"revision"`
}

func showNIC(v *plan.View, at placement, n *secgroup.NIC) nicJSON {
	out := nicJSON{
		ID: n.ID, Account: n.Account, Instance: text(n.Instance), Network: n.Network, MAC: n.MAC.String(),
		Addresses: texts(n.Addresses), AllowedAddresses: texts(n.AllowedAddresses),
		Enforcement: n.Enforcement, DHCPServer: n.DHCPServer,
		EffectiveGroups: showEffective(n.Account, v.EffectiveGroups(n)), Revision: n.Revision,
	}
	out.Because, out.EgressRestricted = showRestriction(v, n)
	if p, ok := at.find(n.ID); ok {
		out.Host, out.Ready, out.RealizedRevision = &p.host, p.nic.Ready, &p.nic.Applied
	}
	return out
}

func showEffective(account string, effective []secgroup.Effective) []effectiveJSON {
	out := make([]effectiveJSON, len(effective))
	for i, e := range effective {
		out[i] = effectiveJSON{e.Group.Within(account), e.Via, e.Via == secgroup.ViaDefault}
	}
	return out
}

func showRestriction(v *plan.View, n *secgroup.NIC) (because *becauseJSON, restricted bool) {
	b, restricted := v.EgressRestricted(n)
	if !restricted {
		return nil, false
	}
	return &becauseJSON{b.Group.Within(n.Account), text(b.Rule)}, true
}

// placement says where NICs are plugged, by the hosts' own reports.
type placement struct {
	hosts []store.HostStatus
	index map[string]place // made when many NICs are looked for; else nil
}

type place struct {
	host string
	nic  store.HostNIC
}

// indexed prepares for looking up many NICs.
func (p placement) indexed() placement {
	p.index = map[string]place{}
	for _, h := range p.hosts {
		for _, n := range h.NICs {
			if old, ok := p.index[n.ID]; !ok || better(n, old.nic) {
				p.index[n.ID] = place{h.Host, n}
			}
		}
	}
	return p
}

// find returns where a NIC is plugged. While it moves from host to host that
// may be two: the one that is ready is the answer.
func (p placement) find(id string) (found place, ok bool) {
	if p.index != nil {
		found, ok = p.index[id]
		return found, ok
	}
	for _, h := range p.hosts {
		i, here := slices.BinarySearchFunc(h.NICs, id, func(n store.HostNIC, id string) int { return strings.Compare(n.ID, id) })
		if here && (!ok || better(h.NICs[i], found.nic)) {
			found, ok = place{h.Host, h.NICs[i]}, true
		}
	}
	return found, ok
}

// better reports whether a says more of where the NIC is in use than b does.
func better(a, b store.HostNIC) bool {
	if a.Ready != b.Ready {
		return a.Ready
	}
	return a.Applied > b.Applied
}
