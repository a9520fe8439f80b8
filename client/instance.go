package client

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Instance is a VM.
type Instance struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	NICs      []string  `json:"nics"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision  int64     `json:"revision"`
}

// InstanceSpec makes or replaces an instance.
type InstanceSpec struct {
	Name string `json:"name,omitempty"`
}

// Instances lists an account's instances.
func (c *Client) Instances(ctx context.Context, acct string, opts ...CallOption) iter.Seq2[Instance, error] {
	return list[Instance](ctx, c, account(acct, "instances"), opts)
}

// Instance reads one instance.
func (c *Client) Instance(ctx context.Context, acct, id string, opts ...CallOption) (i Instance, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "instances", id), nil, &i, opts...)
	return i, err
}

// PutInstance makes or replaces an instance.
func (c *Client) PutInstance(ctx context.Context, acct, id string, spec InstanceSpec, opts ...CallOption) (i Instance, err error) {
	err = c.Do(ctx, http.MethodPut, account(acct, "instances", id), spec, &i, opts...)
	return i, err
}

// DeleteInstance deletes an instance without NICs.
func (c *Client) DeleteInstance(ctx context.Context, acct, id string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, account(acct, "instances", id), nil, nil, opts...)
}
