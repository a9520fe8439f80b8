package client

import (
	"context"
	"encoding/json"
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

// Metrics reads the process's metrics, in Prometheus' text format (admin).
func (c *Client) Metrics(ctx context.Context) (string, error) {
	var m Meta
	err := c.Do(ctx, http.MethodGet, "/metrics", nil, nil, Into(&m))
	return string(m.Raw), err
}

// OpenAPI reads the API's description. It needs no token.
func (c *Client) OpenAPI(ctx context.Context) (json.RawMessage, error) {
	var m Meta
	err := c.Do(ctx, http.MethodGet, "/openapi.json", nil, nil, Into(&m))
	return m.Raw, err
}
