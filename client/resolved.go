package client

import (
	"context"
	"iter"
	"net/http"
)

// Member is an address that a rule naming the group as remote group stands for.
type Member struct {
	RoutingDomain string `json:"routing_domain"`
	Address       string `json:"address"`
	NIC           string `json:"nic"` // "": another account's
}

// References are what uses a group: what keeps it from being deleted.
type References struct {
	Rules       []RuleReference `json:"rules"`
	Attachments []Attachment    `json:"attachments"`
	Accounts    []string        `json:"accounts"` // others that use it, by a share
}

// RuleReference is a rule whose remote group is the group asked for.
type RuleReference struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
}

// Attachment is where a group is attached: exactly one of the two is set.
type Attachment struct {
	Instance string `json:"instance,omitempty"`
	NIC      string `json:"nic,omitempty"`
}

// EffectiveRule is a rule that judges a NIC's connections.
type EffectiveRule struct {
	Rule
	Via string `json:"via"` // why its group judges the NIC: "nic", "instance", "default"
}

// Members lists a group's members, resolved to addresses.
func (c *Client) Members(ctx context.Context, acct, group string, opts ...CallOption) iter.Seq2[Member, error] {
	return list[Member](ctx, c, account(acct, "security-groups", group, "members"), opts)
}

// References reads what uses a group.
func (c *Client) References(ctx context.Context, acct, group string, opts ...CallOption) (r References, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "security-groups", group, "references"), nil, &r, opts...)
	return r, err
}

// EffectiveRules lists the rules of all groups that judge a NIC.
func (c *Client) EffectiveRules(ctx context.Context, acct, nic string, opts ...CallOption) iter.Seq2[EffectiveRule, error] {
	return list[EffectiveRule](ctx, c, account(acct, "nics", nic, "effective-rules"), opts)
}
