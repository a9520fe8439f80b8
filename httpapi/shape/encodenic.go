package shape

import (
	"fmt"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tracing"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

type effectiveJSON struct {
	ID       string       `json:"id"`
	Via      secgroup.Via `json:"via"`
	Implicit bool         `json:"implicit"` // computed: nothing attached acts there
}

// NIC is a NIC: who judges it, and where it is.
type NIC struct {
	ID               string                `json:"id"`
	Account          string                `json:"account"`
	Instance         *string               `json:"instance"`
	Network          string                `json:"network"`
	MAC              string                `json:"mac"`
	Addresses        []string              `json:"addresses"`
	AllowedAddresses []string              `json:"allowed_addresses"`
	Enforcement      secgroup.Enforcement  `json:"enforcement"`
	DHCPServer       bool                  `json:"dhcp_server"`
	Hosts            []string              `json:"hosts"`
	EffectiveGroups  []effectiveJSON       `json:"effective_groups"`
	EgressRestricted bool                  `json:"egress_restricted"`
	Because          *tracing.Because      `json:"because"`
	Host             *string               `json:"host"`
	Ready            bool                  `json:"ready"`
	RealizedRevision *int64                `json:"realized_revision"`
	Conflict         *realization.Conflict `json:"conflict"`
	Warnings         []nicWarningJSON      `json:"warnings"`
	Revision         int64                 `json:"revision"`
}

// nicWarningJSON says what goes wrong with a NIC that is served all the same.
type nicWarningJSON struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// warnLinkLocal is the code of packets that were dropped for their link-local
// source.
const warnLinkLocal = "link-local-dropped"

func nicWarnings(at store.HostNIC) []nicWarningJSON {
	if at.LinkLocalDropped == 0 {
		return []nicWarningJSON{}
	}
	return []nicWarningJSON{{warnLinkLocal, fmt.Sprintf("%d packets from IPv6 link-local addresses were dropped: of these only the one made of the NIC's MAC, and those among its addresses, may be used. "+
		"Add the guest's own to addresses, or have the guest make it of its MAC", at.LinkLocalDropped)}}
}

// ShowNIC shows a NIC as a policy has it, and where it is plugged.
func ShowNIC(s *secgroup.Snapshot, at realization.Placement, n *secgroup.NIC) NIC {
	judging := s.EffectiveGroups(n)
	out := NIC{
		ID: n.ID, Account: n.Account, Instance: strictjson.TextOrNull(n.Instance), Network: n.Network, MAC: n.MAC.String(),
		Addresses: texts(n.Addresses), AllowedAddresses: texts(n.AllowedAddresses),
		Enforcement: n.Enforcement, DHCPServer: n.DHCPServer, Hosts: strictjson.Array(n.Hosts),
		EffectiveGroups: showEffective(n.Account, judging), Revision: n.Revision,
	}
	out.Because, out.EgressRestricted = showRestriction(s, n.Account, judging)
	p, ok, conflict := at.Look(n)
	if ok {
		out.Host, out.Ready, out.RealizedRevision = &p.Host, p.NIC.Ready, &p.NIC.Applied
	}
	out.Warnings = nicWarnings(p.NIC)
	out.Conflict = conflict
	return out
}

func showEffective(account string, effective []secgroup.Effective) []effectiveJSON {
	out := make([]effectiveJSON, len(effective))
	for i, e := range effective {
		out[i] = effectiveJSON{e.Group.Within(account), e.Via, e.Via == secgroup.ViaDefault}
	}
	return out
}

func showRestriction(s *secgroup.Snapshot, account string, judging []secgroup.Effective) (because *tracing.Because, restricted bool) {
	b, restricted := plan.EgressRestrictedBy(s, judging)
	if !restricted {
		return nil, false
	}
	return &tracing.Because{Group: b.Group.Within(account), Rule: strictjson.TextOrNull(b.Rule)}, true
}
