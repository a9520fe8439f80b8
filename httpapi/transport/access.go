package transport

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

// Access says who may call a route.
type Access int

// The kinds of callers.
const (
	Open          Access = iota // anyone, without a token
	AnyToken                    // whoever has a token
	AccountRead                 // tokens of the account in the path
	AccountWrite                // those of them that are no viewers'
	PlatformRead                // tokens of all accounts
	MetricsRead                 // those, and tokens for metrics
	PlatformWrite               // the platform's admin
)

// Identifier tells who bears a token. Its error is a tokens.Refusal if nobody
// does, and tokens.ErrCannotTell if that cannot be told now.
type Identifier interface {
	Identify(ctx context.Context, token string) (tokens.Identity, error)
}

// Authorize finds out who calls, by the header Authorization.
func Authorize(ctx context.Context, by Identifier, authorization string) (who tokens.Identity, err error) {
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
		return who, Refuse(http.StatusServiceUnavailable, CodeIssuerUnavailable, err.Error()).With("Retry-After", "2")
	}
	return who, err
}

// Admit refuses who may not do what a route does to an account, "" for none. An
// account that the caller may not know of is not found.
func (need Access) Admit(who tokens.Identity, account string) error {
	switch need {
	case AccountRead, AccountWrite:
		if !who.Owns(account) {
			return NotFound()
		}
		if need == AccountWrite && who.Role == tokens.Viewer {
			return Forbidden("a viewer's token changes nothing")
		}
	case PlatformRead, MetricsRead:
		if who.Role == tokens.Metrics && need != MetricsRead {
			return Forbidden("a token for metrics reads the metrics alone")
		}
		if who.Account != tokens.AllAccounts {
			return Forbidden("this takes a token for all accounts")
		}
	case PlatformWrite:
		if account != "" && !who.Owns(account) {
			return NotFound()
		}
		if !who.Platform() {
			return Forbidden("this takes an admin's token for all accounts")
		}
	case Open, AnyToken:
	}
	return nil
}

func unauthenticated(detail string) *Problem {
	return Refuse(http.StatusUnauthorized, CodeUnauthenticated, detail).With("WWW-Authenticate", `Bearer realm="ringfence"`)
}

// Forbidden refuses what the caller may not do.
func Forbidden(detail string) *Problem {
	return Refuse(http.StatusForbidden, CodeForbidden, detail)
}
