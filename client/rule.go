package client

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"time"
)

// Rule allows traffic; there is no deny and no priority.
type Rule struct {
	ID          string  `json:"id"`
	Group       string  `json:"group"`
	Direction   string  `json:"direction"` // "ingress", "egress"
	Family      string  `json:"family"`    // "any", "ipv4", "ipv6"
	Protocol    string  `json:"protocol"`  // "all", "tcp", "udp", "icmp", "0".."255"
	PortMin     *int    `json:"port_min"`
	PortMax     *int    `json:"port_max"`
	ICMPType    *int    `json:"icmp_type"`
	ICMPCode    *int    `json:"icmp_code"`
	RemoteCIDR  *string `json:"remote_cidr"`
	RemoteGroup *string `json:"remote_group"`
	Description string  `json:"description"`
	Enabled     bool    `json:"enabled"`
	Origin      string  `json:"origin"` // "user", "default"
	Inert       *string `json:"inert"`  // why it can match nothing, e.g. "empty-intersection"
	Revision    int64   `json:"revision"`
	Hits        *Hits   `json:"hits,omitempty"` // where they were asked for
}

// Hits is what a rule let through, added up over the hosts. What passes as
// established or related is not counted: packets are, as a rule, connections.
type Hits struct {
	Packets      uint64     `json:"packets"`
	Bytes        uint64     `json:"bytes"`
	LastHitAt    *time.Time `json:"last_hit_at"`
	CountedSince *time.Time `json:"counted_since"` // from when on every host has counted
	Complete     bool       `json:"complete"`      // every host has answered
}

// RuleSpec makes or replaces a rule. Fields left zero take the API's defaults.
type RuleSpec struct {
	ID          string  `json:"id,omitempty"` // in a set of rules only: an id of the caller's own
	Direction   string  `json:"direction,omitempty"`
	Family      string  `json:"family,omitempty"`
	Protocol    string  `json:"protocol,omitempty"`
	PortMin     *int    `json:"port_min,omitempty"`
	PortMax     *int    `json:"port_max,omitempty"`
	ICMPType    *int    `json:"icmp_type,omitempty"`
	ICMPCode    *int    `json:"icmp_code,omitempty"`
	RemoteCIDR  *string `json:"remote_cidr,omitempty"`
	RemoteGroup *string `json:"remote_group,omitempty"`
	Description string  `json:"description,omitempty"`
	Enabled     *bool   `json:"enabled,omitempty"`
}

// Rules lists a group's rules.
func (c *Client) Rules(ctx context.Context, acct, group string, opts ...CallOption) iter.Seq2[Rule, error] {
	return list[Rule](ctx, c, account(acct, "security-groups", group, "rules"), opts)
}

// RuleHits lists a group's rules with what they let through; only those that are
// not known to have let anything through since a time, unless that is zero.
func (c *Client) RuleHits(ctx context.Context, acct, group string, unusedSince time.Time, opts ...CallOption) iter.Seq2[Rule, error] {
	since := ""
	if !unusedSince.IsZero() {
		since = unusedSince.UTC().Format(time.RFC3339)
	}
	opts = append(slices.Clone(opts), func(c *call) {
		c.query.Set("hits", "true")
		if since != "" {
			c.query.Set("unused_since", since)
		}
	})
	return list[Rule](ctx, c, account(acct, "security-groups", group, "rules"), opts)
}

// Rule reads one rule.
func (c *Client) Rule(ctx context.Context, acct, group, id string, opts ...CallOption) (r Rule, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "security-groups", group, "rules", id), nil, &r, opts...)
	return r, err
}

// CreateRule adds a rule. One with the same content is returned instead of
// made twice; Meta.Status is 200 then, not 201.
func (c *Client) CreateRule(ctx context.Context, acct, group string, spec RuleSpec, opts ...CallOption) (r Rule, err error) {
	err = c.Do(ctx, http.MethodPost, account(acct, "security-groups", group, "rules"), spec, &r, opts...)
	return r, err
}

// PutRule makes the rule with this id, or replaces it.
func (c *Client) PutRule(ctx context.Context, acct, group, id string, spec RuleSpec, opts ...CallOption) (r Rule, err error) {
	err = c.Do(ctx, http.MethodPut, account(acct, "security-groups", group, "rules", id), spec, &r, opts...)
	return r, err
}

// PatchRule applies a JSON Merge Patch (RFC 7396) to a rule.
func (c *Client) PatchRule(ctx context.Context, acct, group, id string, patch any, opts ...CallOption) (r Rule, err error) {
	err = c.Do(ctx, http.MethodPatch, account(acct, "security-groups", group, "rules", id), patch, &r, opts...)
	return r, err
}

// DeleteRule deletes a rule.
func (c *Client) DeleteRule(ctx context.Context, acct, group, id string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(acct, "security-groups", group, "rules", id), nil, nil, opts...)
}

// ReplaceRules makes rules the group's whole set, in one revision.
func (c *Client) ReplaceRules(ctx context.Context, acct, group string, rules []RuleSpec, opts ...CallOption) error {
	body := struct {
		Rules []RuleSpec `json:"rules"`
	}{rules}
	return c.Do(ctx, http.MethodPut, account(acct, "security-groups", group, "rules"), body, nil, opts...)
}
