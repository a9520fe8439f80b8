package client

import (
	"context"
	"net/http"
)

// groupSet is the body of the requests that set a whole list.
type groupSet struct {
	Groups []string `json:"security_groups"`
}

// AttachedGroup is a group that is attached to a NIC or an instance.
type AttachedGroup struct {
	ID   string `json:"id"` // "account/id" of another account's
	Name string `json:"name"`
}

// NICGroups reads what is attached to a NIC itself. Its ETag (Into) is what
// SetNICGroups depends on with IfMatch.
func (c *Client) NICGroups(ctx context.Context, acct, nic string, opts ...CallOption) ([]AttachedGroup, error) {
	return Collect(list[AttachedGroup](ctx, c, account(acct, "nics", nic, "security-groups"), opts))
}

// InstanceGroups reads what is attached to an instance.
func (c *Client) InstanceGroups(ctx context.Context, acct, instance string, opts ...CallOption) ([]AttachedGroup, error) {
	return Collect(list[AttachedGroup](ctx, c, account(acct, "instances", instance, "security-groups"), opts))
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
