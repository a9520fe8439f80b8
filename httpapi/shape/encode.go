package shape

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

// Rule is a rule as answers have it.
type Rule struct {
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
	Hits        *Hits              `json:"hits,omitempty"` // where they were asked for
}

// ShowRule shows a rule of a group; in tells whether it can match at present.
func ShowRule(in *plan.Inertness, g *secgroup.Group, r *secgroup.Rule) Rule {
	return Rule{
		ID: r.ID, Group: g.ID, Direction: r.Direction, Family: r.Family, Protocol: r.Protocol,
		PortMin: Positive(int(r.PortMin)), PortMax: Positive(int(r.PortMax)),
		ICMPType: Optional8(r.ICMPType), ICMPCode: Optional8(r.ICMPCode),
		RemoteCIDR: PrefixText(r.RemoteCIDR), RemoteGroup: GroupText(g.Account, r.RemoteGroup),
		Description: r.Description, Enabled: r.Enabled, Origin: r.Origin, Inert: strictjson.TextOrNull(in.Of(r)), Revision: r.Revision,
	}
}

// Positive is null for 0.
func Positive(v int) *int {
	if v == 0 {
		return nil
	}
	return &v
}

// Optional8 is null for what is not given.
func Optional8(o secgroup.Opt8) *int {
	if !o.Set {
		return nil
	}
	v := int(o.Value)
	return &v
}

// PrefixText is null for no prefix.
func PrefixText(p netip.Prefix) *string {
	if !p.IsValid() {
		return nil
	}
	s := p.String()
	return &s
}

// GroupText names a group to an account; null for none.
func GroupText(account string, g secgroup.GroupRef) *string {
	if g == (secgroup.GroupRef{}) {
		return nil
	}
	name := g.Within(account)
	return &name
}

// Group is a group with its rules and shares.
type Group struct {
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
	Rules           []Rule                `json:"rules"`
	Shares          []Shared              `json:"shares"`
	CreatedAt       time.Time             `json:"created_at"`
	UpdatedAt       time.Time             `json:"updated_at"`
	Revision        int64                 `json:"revision"`
}

// Shared is a share where it is seen with its group.
type Shared struct {
	Account string         `json:"account"`
	Use     []secgroup.Use `json:"use"`
}

// ShowShared shows the shares of a group.
func ShowShared(g *secgroup.Group) []Shared {
	out := []Shared{}
	for _, s := range g.Shares {
		out = append(out, Shared{s.Account, s.Uses()})
	}
	return out
}

// ShowGroup shows a group with its rules; in tells which can match at present.
func ShowGroup(in *plan.Inertness, g *secgroup.Group) Group {
	out := Group{
		ID: g.ID, Account: g.Account, Name: g.Name, Description: g.Description, Tags: g.Tags, IsDefault: g.IsDefault,
		EgressPolicy: g.EgressPolicy, EgressRestricts: secgroup.EgressRestricts(g),
		NetworkScope: g.NetworkScope, Networks: strictjson.Array(g.Networks), Rules: make([]Rule, len(g.Rules)), Shares: ShowShared(g),
		CreatedAt: g.CreatedAt.UTC(), UpdatedAt: g.UpdatedAt.UTC(), Revision: g.Revision,
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	for i := range g.Rules {
		out.Rules[i] = ShowRule(in, g, &g.Rules[i])
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

// Settings are those of an account.
type Settings struct {
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

// Account is an account with its quotas.
type Account struct {
	ID        string               `json:"id"`
	Settings  Settings             `json:"settings"`
	Quotas    map[string]quotaJSON `json:"quotas"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
	Revision  int64                `json:"revision"`
}

// ShowAccount shows an account, and how much of its quotas it uses in a view.
func ShowAccount(v *plan.View, a *secgroup.Account) Account {
	out := Account{
		ID: a.ID, Settings: Settings{a.EgressPolicyDefault, a.EgressOpenGuard},
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

// Instance is an instance with its NICs.
type Instance struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	NICs      []string  `json:"nics"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision  int64     `json:"revision"`
}

// ShowInstance shows an instance with the NICs that it has in a view.
func ShowInstance(v *plan.View, i *secgroup.Instance) Instance {
	out := Instance{
		ID: i.ID, Account: i.Account, Name: i.Name, NICs: []string{},
		CreatedAt: i.CreatedAt.UTC(), UpdatedAt: i.UpdatedAt.UTC(), Revision: i.Revision,
	}
	for _, n := range v.NICsOfInstance(i.InstanceRef) {
		out.NICs = append(out.NICs, n.ID)
	}
	return out
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

// Hits is what a rule let through, added up over the hosts. What passes as
// established or related is not counted: packets are, as a rule, connections.
type Hits struct {
	Packets uint64     `json:"packets"`
	Bytes   uint64     `json:"bytes"`
	Last    *time.Time `json:"last_hit_at"`
	// Since is from when on every host has counted; null: none counts.
	Since *time.Time `json:"counted_since"`
	// Complete is false while a host that may have more does not answer.
	Complete bool `json:"complete"`
}

// Share is what a group lets another account do. Of what the account does
// with it the group's owner learns how much there is.
type Share struct {
	Account     string         `json:"account"`
	Use         []secgroup.Use `json:"use"`
	Attachments int            `json:"attachments"`
	Rules       int            `json:"rules"`
}

// ShowShare shows a share, and how much use is made of it in a view.
func ShowShare(v *plan.View, ref secgroup.GroupRef, s secgroup.Share) Share {
	attachments, rules := plan.ShareUse(v, ref, s.Account)
	return Share{s.Account, s.Uses(), len(attachments), len(rules)}
}
