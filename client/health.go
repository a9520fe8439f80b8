package client

import (
	"context"
	"net/http"
)

// Healthy returns nil when the API process answers. It needs no token.
func (c *Client) Healthy(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodGet, "/healthz", nil, nil, newCall(nil))
	return err
}

// Ready returns nil when the API can serve requests: its store is there. It
// needs no token.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodGet, "/readyz", nil, nil, newCall(nil))
	return err
}
