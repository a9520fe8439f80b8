package client

import (
	"context"
	"net/http"
)

// Healthy returns nil when the API process answers. It needs no token.
func (c *Client) Healthy(ctx context.Context) error {
	return c.Do(ctx, http.MethodGet, "/healthz", nil, nil)
}

// Ready returns nil when the API can serve requests: its store is there. It
// needs no token.
func (c *Client) Ready(ctx context.Context) error {
	return c.Do(ctx, http.MethodGet, "/readyz", nil, nil)
}
