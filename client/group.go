package client

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Group is a security group with its rules.
type Group struct {
	ID              string            `json:"id"`
	Account         string            `json:"account"`
	Name            string            `json:"name"`
	Description     string            `json:"description"`
	Tags            map[string]string `json:"tags"`
	IsDefault       bool              `json:"is_default"`
	EgressPolicy    string            `json:"egress_policy"`    // "auto", "listed", "open"
	EgressRestricts bool              `json:"egress_restricts"` // its NICs may only send what rules allow
	NetworkScope    string            `json:"network_scope"`    // "any", "listed"
	Networks        []string          `json:"networks"`         // of scope "listed"
	Rules           []Rule            `json:"rules"`
	Shares          []GroupShare      `json:"shares"`
	CreatedAt       time.Time         `json:"created_at"`
	UpdatedAt       time.Time         `json:"updated_at"`
	Revision        int64             `json:"revision"`
}

// GroupSpec makes or replaces a group. Fields left zero take the API's defaults.
type GroupSpec struct {
	Name         string            `json:"name,omitempty"`
	Description  string            `json:"description,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	EgressPolicy string            `json:"egress_policy,omitempty"`
	NetworkScope string            `json:"network_scope,omitempty"`
	Networks     []string          `json:"networks,omitempty"`
	Rules        []RuleSpec        `json:"rules,omitempty"`
	DefaultRules *bool             `json:"default_rules,omitempty"` // false: made without the two default rules
}

// Groups lists an account's groups. Filters: name, name_prefix, tag, network, nic, instance.
func (c *Client) Groups(ctx context.Context, acct string, opts ...CallOption) iter.Seq2[Group, error] {
	return list[Group](ctx, c, account(acct, "security-groups"), opts)
}

// Group reads one group.
func (c *Client) Group(ctx context.Context, acct, id string, opts ...CallOption) (g Group, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "security-groups", id), nil, &g, opts...)
	return g, err
}

// CreateGroup makes a group with an id of the server's choice.
func (c *Client) CreateGroup(ctx context.Context, acct string, spec GroupSpec, opts ...CallOption) (g Group, err error) {
	err = c.Do(ctx, http.MethodPost, account(acct, "security-groups"), spec, &g, opts...)
	return g, err
}

// PutGroup makes the group with this id, or replaces its properties.
func (c *Client) PutGroup(ctx context.Context, acct, id string, spec GroupSpec, opts ...CallOption) (g Group, err error) {
	err = c.Do(ctx, http.MethodPut, account(acct, "security-groups", id), spec, &g, opts...)
	return g, err
}

// PatchGroup applies a JSON Merge Patch (RFC 7396) to a group.
func (c *Client) PatchGroup(ctx context.Context, acct, id string, patch any, opts ...CallOption) (g Group, err error) {
	err = c.Do(ctx, http.MethodPatch, account(acct, "security-groups", id), patch, &g, opts...)
	return g, err
}

// DeleteGroup deletes a group; see Cascade for one that is in use.
func (c *Client) DeleteGroup(ctx context.Context, acct, id string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(acct, "security-groups", id), nil, nil, opts...)
}

// Scope says in which networks a group acts.
type Scope struct {
	NetworkScope string   `json:"network_scope"` // "any", "listed"
	Networks     []string `json:"items"`         // of scope "listed"
	Revision     int64    `json:"revision"`
}

// GroupNetworks reads a group's network scope.
func (c *Client) GroupNetworks(ctx context.Context, acct, id string, opts ...CallOption) (s Scope, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "security-groups", id, "networks"), nil, &s, opts...)
	return s, err
}

// AddGroupNetwork adds a network to a group's network scope.
func (c *Client) AddGroupNetwork(ctx context.Context, acct, id, network string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodPut, account(acct, "security-groups", id, "networks", network), nil, nil, opts...)
}

// RemoveGroupNetwork takes a network out of a group's network scope.
func (c *Client) RemoveGroupNetwork(ctx context.Context, acct, id, network string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(acct, "security-groups", id, "networks", network), nil, nil, opts...)
}
