package httpapi

import (
	"context"
	"errors"
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
	metricsRead                 // those, and tokens for metrics
	platformWrite               // the platform's admin
)

// Identifier tells who bears a token. Its error is a tokens.Refusal if nobody
// does, and tokens.ErrCannotTell if that cannot be told now.
type Identifier interface {
	Identify(ctx context.Context, token string) (tokens.Identity, error)
}

// authorize finds out who calls, by the header Authorization.
func authorize(ctx context.Context, by Identifier, authorization string) (who tokens.Identity, err error) {
	scheme, secret, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return who, unauthenticated("a bearer token is needed")
	}
	who, err = by.Identify(ctx, strings.TrimSpace(secret))
	var refusal tokens.Refusal
	switch {
	case errors.As(err, &refusal):
		return who, unauthenticated(string(refusal))
	case errors.Is(err, tokens.ErrCannotTell):
		return who, transport.Refuse(http.StatusServiceUnavailable, transport.CodeIssuerUnavailable, err.Error()).With("Retry-After", "2")
	}
	return who, err
}

// admit refuses who may not do what a route does to an account, "" for none. An
// account that the caller may not know of is not found.
func (need access) admit(who tokens.Identity, account string) error {
	switch need {
	case accountRead, accountWrite:
		if !who.Owns(account) {
			return transport.NotFound()
		}
		if need == accountWrite && who.Role == tokens.Viewer {
			return forbidden("a viewer's token changes nothing")
		}
	case platformRead, metricsRead:
		if who.Role == tokens.Metrics && need != metricsRead {
			return forbidden("a token for metrics reads the metrics alone")
		}
		if who.Account != tokens.AllAccounts {
			return forbidden("this takes a token for all accounts")
		}
	case platformWrite:
		if account != "" && !who.Owns(account) {
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
