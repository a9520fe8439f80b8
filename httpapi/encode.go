package httpapi

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// The JSON forms of docs/api.md "Shapes". Each has one function that makes it of
// the object, seen in a view.

type ruleJSON struct {
	ID          string             `json:"id"`
	Group       string             `json:"group"`
	Direction   secgroup.Direction `json:"direction"`
	Family      secgroup.Family    `json:"family"`
	Protocol    secgroup.Protocol  `json:"protocol"`
	PortMin     *int               `json:"port_min"`
	PortMax     *int               `json:"port_max"`
	ICMPType    *int               `json:"icmp_type"`
	ICMPCode    *int               `json:"icmp_code"`
	RemoteCIDR  *string            `json:"remote_cidr"`
	RemoteGroup *string            `json:"remote_group"`
	Description string             `json:"description"`
	Enabled     bool               `json:"enabled"`
	Origin      secgroup.Origin    `json:"origin"`
	Inert       *string            `json:"inert"`
	Revision    int64              `json:"revision"`
	Hits        *hitsJSON          `json:"hits,omitempty"` // where they were asked for
}

func showRule(in *plan.Inertness, g *secgroup.Group, r *secgroup.Rule) ruleJSON {
	return ruleJSON{
		ID: r.ID, Group: g.ID, Direction: r.Direction, Family: r.Family, Protocol: r.Protocol,
		PortMin: positive(int(r.PortMin)), PortMax: positive(int(r.PortMax)),
		ICMPType: optional8(r.ICMPType), ICMPCode: optional8(r.ICMPCode),
		RemoteCIDR: prefixText(r.RemoteCIDR), RemoteGroup: groupText(g.Account, r.RemoteGroup),
		Description: r.Description, Enabled: r.Enabled, Origin: r.Origin, Inert: strictjson.TextOrNull(in.Of(r)), Revision: r.Revision,
	}
}

// positive is null for 0.
func positive(v int) *int {
	if v == 0 {
		return nil
	}
	return &v
}

func optional8(o secgroup.Opt8) *int {
	if !o.Set {
		return nil
	}
	v := int(o.Value)
	return &v
}

func prefixText(p netip.Prefix) *string {
	if !p.IsValid() {
		return nil
	}
	s := p.String()
	return &s
}

// groupText names a group to an account; null for none.
func groupText(account string, g secgroup.GroupRef) *string {
	if g == (secgroup.GroupRef{}) {
		return nil
	}
	name := g.Within(account)
	return &name
}

type groupJSON struct {
	ID              string                `json:"id"`
	Account         string                `json:"account"`
	Name            string                `json:"name"`
	Description     string                `json:"description"`
	Tags            map[string]string     `json:"tags"`
	IsDefault       bool                  `json:"is_default"`
	EgressPolicy    secgroup.EgressPolicy `json:"egress_policy"`
	EgressRestricts bool                  `json:"egress_restricts"`
	NetworkScope    secgroup.NetworkScope `json:"network_scope"`
	Networks        []string              `json:"networks"`
	Rules           []ruleJSON            `json:"rules"`
	Shares          []sharedJSON          `json:"shares"`
	CreatedAt       time.Time             `json:"created_at"`
	UpdatedAt       time.Time             `json:"updated_at"`
	Revision        int64                 `json:"revision"`
}

// sharedJSON is a share where it is seen with its group.
type sharedJSON struct {
	Account string         `json:"account"`
	Use     []secgroup.Use `json:"use"`
}

func showShared(g *secgroup.Group) []sharedJSON {
	out := []sharedJSON{}
	for _, s := range g.Shares {
		out = append(out, sharedJSON{s.Account, s.Uses()})
	}
	return out
}

func showGroup(in *plan.Inertness, g *secgroup.Group) groupJSON {
	out := groupJSON{
		ID: g.ID, Account: g.Account, Name: g.Name, Description: g.Description, Tags: g.Tags, IsDefault: g.IsDefault,
		EgressPolicy: g.EgressPolicy, EgressRestricts: secgroup.EgressRestricts(g),
		NetworkScope: g.NetworkScope, Networks: strictjson.Array(g.Networks), Rules: make([]ruleJSON, len(g.Rules)), Shares: showShared(g),
		CreatedAt: g.CreatedAt.UTC(), UpdatedAt: g.UpdatedAt.UTC(), Revision: g.Revision,
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	for i := range g.Rules {
		out.Rules[i] = showRule(in, g, &g.Rules[i])
	}
	return out
}

func texts[T interface{ String() string }](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = v.String()
	}
	return out
}

type settingsJSON struct {
	EgressPolicyDefault secgroup.EgressPolicy    `json:"egress_policy_default"`
	EgressOpenGuard     secgroup.EgressOpenGuard `json:"egress_open_guard"`
}

// quotaJSON is a limit, null if there is none, and how much of it is used: of
// a quota per group or per NIC, by the one that uses most.
type quotaJSON struct {
	Limit *int `json:"limit"`
	Used  int  `json:"used"`
	// Default is the limit of an account that names none; null: it has none.
	Default *int `json:"default"`
}

type accountJSON struct {
	ID        string               `json:"id"`
	Settings  settingsJSON         `json:"settings"`
	Quotas    map[string]quotaJSON `json:"quotas"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
	Revision  int64                `json:"revision"`
}

func showAccount(v *plan.View, a *secgroup.Account) accountJSON {
	out := accountJSON{
		ID: a.ID, Settings: settingsJSON{a.EgressPolicyDefault, a.EgressOpenGuard},
		Quotas:    map[string]quotaJSON{},
		CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(), Revision: a.Revision,
	}
	for _, name := range plan.QuotaNames {
		shown := quotaJSON{Used: plan.Usage(v, a.ID, name)}
		if limit, limited := plan.DefaultQuotas[name]; limited {
			shown.Default = &limit
		}
		out.Quotas[name] = shown
	}
	for name, limit := range a.Quotas {
		shown := out.Quotas[name]
		shown.Limit, shown.Used = &limit, plan.Usage(v, a.ID, name)
		out.Quotas[name] = shown
	}
	return out
}

type networkJSON struct {
	ID            string               `json:"id"`
	Type          secgroup.NetworkType `json:"type"`
	VPC           *string              `json:"vpc"`
	Prefixes      []string             `json:"prefixes"`
	VLAN          *uint16              `json:"vlan"` // null: it never leaves the host
	RoutingDomain string               `json:"routing_domain"`
	Gateways      []string             `json:"gateways"`
	Warnings      []warningJSON        `json:"warnings"`
	CreatedAt     time.Time            `json:"created_at"`
	UpdatedAt     time.Time            `json:"updated_at"`
	Revision      int64                `json:"revision"`
}

// warningJSON says what is wrong with an object that is in force all the same.
type warningJSON struct {
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

// showNetwork shows a network; wire has all that are there.
func showNetwork(wire plan.Wire, n *secgroup.Network) networkJSON {
	warnings := []warningJSON{}
	if others := wire.Mixing(n); len(others) > 0 {
		w := warningJSON{Code: plan.CodeVLANInUse, Detail: fmt.Sprintf("vlan %d is on the wire for another routing domain too, whose frames mix with this network's between hosts", n.VLAN), Networks: []string{}}
		for _, o := range others[:min(len(others), maxWarned)] {
			w.Networks = append(w.Networks, o.ID)
		}
		warnings = append(warnings, w)
	}
	return networkJSON{
		ID: n.ID, Type: n.Type, VPC: strictjson.TextOrNull(n.VPC), Prefixes: texts(n.Prefixes), VLAN: vlanText(n),
		RoutingDomain: n.RoutingDomain, Gateways: texts(n.Gateways), Warnings: warnings,
		CreatedAt: n.CreatedAt.UTC(), UpdatedAt: n.UpdatedAt.UTC(), Revision: n.Revision,
	}
}

type instanceJSON struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	NICs      []string  `json:"nics"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision  int64     `json:"revision"`
}

func showInstance(v *plan.View, i *secgroup.Instance) instanceJSON {
	out := instanceJSON{
		ID: i.ID, Account: i.Account, Name: i.Name, NICs: []string{},
		CreatedAt: i.CreatedAt.UTC(), UpdatedAt: i.UpdatedAt.UTC(), Revision: i.Revision,
	}
	for _, n := range v.NICsOfInstance(i.InstanceRef) {
		out.NICs = append(out.NICs, n.ID)
	}
	return out
}

type baselineJSON struct {
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

func showBaseline(b *secgroup.Baseline) baselineJSON {
	out := baselineJSON{Guard: guard, Addresses: []baselineAddressJSON{}, Revision: b.Revision}
	for _, a := range b.Addresses {
		out.Addresses = append(out.Addresses, baselineAddressJSON{a.Address.String(), a.Protocol, a.Port, a.Description})
	}
	return out
}
