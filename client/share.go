package client

import (
	"context"
	"iter"
	"net/http"
)

// Share is what a group lets another account do, and how much of it is made.
type Share struct {
	Account     string   `json:"account"`
	Use         []string `json:"use"`         // "attach", "reference"
	Attachments int      `json:"attachments"` // NICs of the account
	Rules       int      `json:"rules"`       // of the account, that name the group
}

// GroupShare is a share as its group shows it.
type GroupShare struct {
	Account string   `json:"account"`
	Use     []string `json:"use"`
}

// SharedGroup is the name of a group for another account, for RemoteGroup and
// the methods that attach.
func SharedGroup(owner, id string) string { return owner + "/" + id }

// Shares lists the accounts that a group is shared with.
func (c *Client) Shares(ctx context.Context, acct, group string, opts ...CallOption) iter.Seq2[Share, error] {
	return list[Share](ctx, c, account(acct, "security-groups", group, "shares"), opts)
}

// SharedWithMe is a group of another account that an account may use.
type SharedWithMe struct {
	ID      string   `json:"id"` // its name for the account: account/id
	Account string   `json:"account"`
	Name    string   `json:"name"`
	Use     []string `json:"use"` // "attach", "reference"
}

// SharedGroups lists the groups of other accounts that an account may use.
func (c *Client) SharedGroups(ctx context.Context, acct string, opts ...CallOption) iter.Seq2[SharedWithMe, error] {
	return list[SharedWithMe](ctx, c, account(acct, "shared-groups"), opts)
}

// Share reads what another account may do with a group.
func (c *Client) Share(ctx context.Context, acct, group, with string, opts ...CallOption) (s Share, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "security-groups", group, "shares", with), nil, &s, opts...)
	return s, err
}

// PutShare lets another account use a group: use is "attach", "reference" or both.
func (c *Client) PutShare(ctx context.Context, acct, group, with string, use []string, opts ...CallOption) (s Share, err error) {
	body := struct {
		Use []string `json:"use"`
	}{use}
	err = c.Do(ctx, http.MethodPut, account(acct, "security-groups", group, "shares", with), body, &s, opts...)
	return s, err
}

// DeleteShare ends that another account may use a group.
func (c *Client) DeleteShare(ctx context.Context, acct, group, with string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(acct, "security-groups", group, "shares", with), nil, nil, opts...)
}
