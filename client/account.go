package client

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Account owns groups, instances and NICs.
type Account struct {
	ID        string           `json:"id"`
	Settings  Settings         `json:"settings"`
	Quotas    map[string]Quota `json:"quotas"`
	CreatedAt time.Time        `json:"created_at"`
	UpdatedAt time.Time        `json:"updated_at"`
	Revision  int64            `json:"revision"`
}

// Settings are what an account decides for its groups.
type Settings struct {
	EgressPolicyDefault string `json:"egress_policy_default,omitempty"` // of groups made without one
	EgressOpenGuard     string `json:"egress_open_guard,omitempty"`     // "allow", "block"
}

// Quota is a limit and how much of it is used.
type Quota struct {
	Limit *int `json:"limit"` // nil = none
	Used  int  `json:"used"`
	// Default is the limit where Limit is nil; nil: there is none.
	Default *int `json:"default"`
}

// AccountSpec makes or replaces an account.
type AccountSpec struct {
	Settings *Settings      `json:"settings,omitempty"`
	Quotas   map[string]int `json:"quotas,omitempty"` // limits
}

// Accounts lists all accounts (admin).
func (c *Client) Accounts(ctx context.Context, opts ...CallOption) iter.Seq2[Account, error] {
	return list[Account](ctx, c, "/v1/accounts", opts)
}

// Account reads one account.
func (c *Client) Account(ctx context.Context, id string, opts ...CallOption) (a Account, err error) {
	err = c.Do(ctx, http.MethodGet, account(id), nil, &a, opts...)
	return a, err
}

// PutAccount makes an account, with its default group, or replaces its settings (admin).
func (c *Client) PutAccount(ctx context.Context, id string, spec AccountSpec, opts ...CallOption) (a Account, err error) {
	err = c.Do(ctx, http.MethodPut, account(id), spec, &a, opts...)
	return a, err
}

// PatchAccount applies a JSON Merge Patch (RFC 7396) to an account (admin).
func (c *Client) PatchAccount(ctx context.Context, id string, patch any, opts ...CallOption) (a Account, err error) {
	err = c.Do(ctx, http.MethodPatch, account(id), patch, &a, opts...)
	return a, err
}

// DeleteAccount deletes an account that owns no instance or NIC (admin).
func (c *Client) DeleteAccount(ctx context.Context, id string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(id), nil, nil, opts...)
}
