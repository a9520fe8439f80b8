package shape

import (
	"fmt"
	"time"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// Network is a network.
type Network struct {
	ID            string               `json:"id"`
	Type          secgroup.NetworkType `json:"type"`
	VPC           *string              `json:"vpc"`
	Prefixes      []string             `json:"prefixes"`
	VLAN          *uint16              `json:"vlan"` // null: it never leaves the host
	RoutingDomain string               `json:"routing_domain"`
	Gateways      []string             `json:"gateways"`
	Warnings      []Warning            `json:"warnings"`
	CreatedAt     time.Time            `json:"created_at"`
	UpdatedAt     time.Time            `json:"updated_at"`
	Revision      int64                `json:"revision"`
}

// Warning says what is wrong with an object that is in force all the same.
type Warning struct {
	Code     string   `json:"code"`
	Detail   string   `json:"detail"`
	Networks []string `json:"networks"` // with which it is in conflict, at most 100
}

// vlanText is null for a network that never leaves the host.
func vlanText(n *secgroup.Network) *uint16 {
	if n.Local {
		return nil
	}
	return &n.VLAN
}

// maxWarned bounds the networks that a warning names.
const maxWarned = 100

// ShowNetwork shows a network; wire has all that are there.
func ShowNetwork(wire plan.Wire, n *secgroup.Network) Network {
	warnings := []Warning{}
	if others := wire.Mixing(n); len(others) > 0 {
		w := Warning{Code: plan.CodeVLANInUse, Detail: fmt.Sprintf("vlan %d is on the wire for another routing domain too, whose frames mix with this network's between hosts", n.VLAN), Networks: []string{}}
		for _, o := range others[:min(len(others), maxWarned)] {
			w.Networks = append(w.Networks, o.ID)
		}
		warnings = append(warnings, w)
	}
	return Network{
		ID: n.ID, Type: n.Type, VPC: strictjson.TextOrNull(n.VPC), Prefixes: texts(n.Prefixes), VLAN: vlanText(n),
		RoutingDomain: n.RoutingDomain, Gateways: texts(n.Gateways), Warnings: warnings,
		CreatedAt: n.CreatedAt.UTC(), UpdatedAt: n.UpdatedAt.UTC(), Revision: n.Revision,
	}
}

// Baseline is what every NIC may reach, beside what passes without a rule.
type Baseline struct {
	Guard     []string              `json:"guard"`
	Addresses []baselineAddressJSON `json:"addresses"`
	Revision  int64                 `json:"revision"`
}

type baselineAddressJSON struct {
	Address     string            `json:"address"`
	Protocol    secgroup.Protocol `json:"protocol"`
	Port        uint16            `json:"port"`
	Description string            `json:"description"`
}

// guard is what passes without a rule, and what does not pass with one,
// docs/semantics.md §4. It is listed for people; nobody can change it.
var guard = []string{
	"A NIC sends only from its own MAC and addresses, its link-local one among them, and its allowed_addresses.",
	"ARP passes, and IPv6 router solicitations out, neighbour discovery both ways; router advertisements come only from the network's gateways; a VM sends no redirects.",
	"DHCP passes between client and server; a NIC acts as a server only if it is marked dhcp_server.",
	"ARP probes, duplicate address detection and DHCP may have an unspecified source address. A NIC without addresses may only do DHCP.",
	"Frames that are neither IP nor ARP are dropped, and packets that connection tracking calls invalid.",
}

// ShowBaseline shows the baseline.
func ShowBaseline(b *secgroup.Baseline) Baseline {
	out := Baseline{Guard: guard, Addresses: []baselineAddressJSON{}, Revision: b.Revision}
	for _, a := range b.Addresses {
		out.Addresses = append(out.Addresses, baselineAddressJSON{a.Address.String(), a.Protocol, a.Port, a.Description})
	}
	return out
}
