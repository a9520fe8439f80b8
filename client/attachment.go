package client

import (
	"context"
	"net/http"
)

// groupSet is the body of the requests that set a whole list.
type groupSet struct {
	Groups []string `json:"security_groups"`
}

// SetNICGroups makes groups the whole list that is attached to a NIC itself.
func (c *Client) SetNICGroups(ctx context.Context, acct, nic string, groups []string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodPut, account(acct, "nics", nic, "security-groups"), groupSet{groups}, nil, opts...)
}

// SetInstanceGroups makes groups the whole list that is attached to an instance.
func (c *Client) SetInstanceGroups(ctx context.Context, acct, instance string, groups []string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodPut, account(acct, "instances", instance, "security-groups"), groupSet{groups}, nil, opts...)
}

// Attach and detach are idempotent: repeating one changes nothing and succeeds.

// AttachNIC attaches a group to one NIC.
func (c *Client) AttachNIC(ctx context.Context, acct, nic, group string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodPut, account(acct, "nics", nic, "security-groups", group), nil, nil, opts...)
}

// DetachNIC detaches a group from a NIC.
func (c *Client) DetachNIC(ctx context.Context, acct, nic, group string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(acct, "nics", nic, "security-groups", group), nil, nil, opts...)
}

// AttachInstance attaches a group to an instance: all its NICs, present and future.
func (c *Client) AttachInstance(ctx context.Context, acct, instance, group string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodPut, account(acct, "instances", instance, "security-groups", group), nil, nil, opts...)
}

// DetachInstance detaches a group from an instance.
func (c *Client) DetachInstance(ctx context.Context, acct, instance, group string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(acct, "instances", instance, "security-groups", group), nil, nil, opts...)
}
