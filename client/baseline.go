package client

import (
	"context"
	"net/http"
)

// Baseline is the guard's part that the operator decides: services that every
// NIC may reach, such as metadata or DNS.
type Baseline struct {
	Guard     []string          `json:"guard,omitempty"` // what holds besides, in words; read only
	Addresses []BaselineAddress `json:"addresses"`
	Revision  int64             `json:"revision,omitempty"`
}

// BaselineAddress is one service.
type BaselineAddress struct {
	Address     string `json:"address"`
	Protocol    string `json:"protocol"` // "tcp", "udp"
	Port        int    `json:"port"`
	Description string `json:"description,omitempty"`
}

// Baseline reads the baseline (admin).
func (c *Client) Baseline(ctx context.Context, opts ...CallOption) (b Baseline, err error) {
	err = c.Do(ctx, http.MethodGet, "/v1/baseline", nil, &b, opts...)
	return b, err
}

// PutBaseline replaces the baseline (admin).
func (c *Client) PutBaseline(ctx context.Context, b Baseline, opts ...CallOption) (out Baseline, err error) {
	b.Guard, b.Revision = nil, 0
	err = c.Do(ctx, http.MethodPut, "/v1/baseline", b, &out, opts...)
	return out, err
}
