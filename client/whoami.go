package client

import (
	"context"
	"net/http"
)

// Caller is who bears a token.
type Caller struct {
	Name    string `json:"name"`    // as audit entries have it
	Account string `json:"account"` // that the token is good for, "*" for all
	Role    string `json:"role"`    // "admin", "member", "viewer", "metrics"
	Version string `json:"version"` // of the API that answers; "" of one that does not tell
}

// WhoAmI tells who bears the client's token. An API whose store is away answers
// it, too.
func (c *Client) WhoAmI(ctx context.Context, opts ...CallOption) (out Caller, err error) {
	err = c.Do(ctx, http.MethodGet, "/v1/whoami", nil, &out, opts...)
	return out, err
}
