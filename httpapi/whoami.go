package httpapi

import "github.com/ringfence/ringfence/httpapi/tokens"

// callerJSON is who makes a request.
type callerJSON struct {
	Name    string      `json:"name"`
	Account string      `json:"account"` // or AllAccounts
	Role    tokens.Role `json:"role"`
	Version string      `json:"version"` // of the API that answers
}

// whoami tells the caller what its token is good for.
func whoami(c *call) error {
	c.res.Header().Set("Cache-Control", "no-store")
	return c.json(callerJSON{Name: c.who.Name, Account: c.who.Account, Role: c.who.Role, Version: c.api.version})
}
