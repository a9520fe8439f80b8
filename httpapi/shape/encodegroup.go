package shape

import (
	"time"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

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

// ShowRule shows a rule of a group, and whether it can match in a policy.
func ShowRule(s *secgroup.Snapshot, g *secgroup.Group, r *secgroup.Rule) Rule {
	return Rule{
		ID: r.ID, Group: g.ID, Direction: r.Direction, Family: r.Family, Protocol: r.Protocol,
		PortMin: Positive(int(r.PortMin)), PortMax: Positive(int(r.PortMax)),
		ICMPType: Optional8(r.ICMPType), ICMPCode: Optional8(r.ICMPCode),
		RemoteCIDR: PrefixText(r.RemoteCIDR), RemoteGroup: GroupText(g.Account, r.RemoteGroup),
		Description: r.Description, Enabled: r.Enabled, Origin: r.Origin, Inert: strictjson.TextOrNull(plan.Inert(s, r)), Revision: r.Revision,
	}
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

// ShowGroup shows a group with its rules, and which of them can match in a policy.
func ShowGroup(s *secgroup.Snapshot, g *secgroup.Group) Group {
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
		out.Rules[i] = ShowRule(s, g, &g.Rules[i])
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

// ShowShare shows a share, and how much use is made of it in a policy.
func ShowShare(s *secgroup.Snapshot, ref secgroup.GroupRef, share secgroup.Share) Share {
	attachments, rules := plan.ShareUse(s, ref, share.Account)
	return Share{share.Account, share.Uses(), len(attachments), len(rules)}
}
