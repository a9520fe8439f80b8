package httpapi

import (
	"net/http"
	"strings"

	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/transport"
)

// access says who may call a route.
type access int

const (
	open          access = iota // anyone, without a token
	anyToken                    // whoever has a token
	accountRead                 // tokens of the account in the path
	accountWrite                // those of them that are no viewers'
	platformRead                // tokens of all accounts
	platformWrite               // the platform's admin
)

// Authenticator tells who bears a token; ok is false if nobody does.
type Authenticator interface {
	Authenticate(token string) (who tokens.Identity, ok bool)
}

// authorize finds out who calls and whether they may. An account that the
// caller may not know of is not found.
func (c *call) authorize(need access) error {
	if need == open {
		return nil
	}
	scheme, secret, _ := strings.Cut(c.req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return unauthenticated("a bearer token is needed")
	}
	who, ok := c.api.tokens.Authenticate(strings.TrimSpace(secret))
	if !ok {
		return unauthenticated("the token is not valid")
	}
	c.who = who
	switch need {
	case accountRead, accountWrite:
		if !who.Owns(c.in.account) {
			return transport.NotFound()
		}
		if need == accountWrite && who.Role == tokens.Viewer {
			return forbidden("a viewer's token changes nothing")
		}
	case platformRead:
		if who.Account != tokens.AllAccounts {
			return forbidden("this takes a token for all accounts")
		}
	case platformWrite:
		if c.in.account != "" && !who.Owns(c.in.account) {
			return transport.NotFound()
		}
		if !who.Platform() {
			return forbidden("this takes an admin's token for all accounts")
		}
	}
	return nil
}

func unauthenticated(detail string) *transport.Problem {
	return transport.Refuse(http.StatusUnauthorized, transport.CodeUnauthenticated, detail).With("WWW-Authenticate", `Bearer realm="ringfence"`)
}

func forbidden(detail string) *transport.Problem {
	return transport.Refuse(http.StatusForbidden, transport.CodeForbidden, detail)
}
