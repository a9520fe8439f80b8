package openid

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/secgroup"
)

// Grant says what a token is good for whose claim is a value, or is a list with
// that value in it.
type Grant struct {
	Claim, Value string
	Account      string // an id or tokens.AllAccounts; "" if AccountClaim says it
	AccountClaim string // the claim that is the account's id
	Role         tokens.Role
}

// ParseGrant reads CLAIM=VALUE:ACCOUNT/ROLE, where ACCOUNT may be {CLAIM}. The
// last colon counts: names of claims and values may have others.
func ParseGrant(text string) (g Grant, err error) {
	claim, rest, _ := strings.Cut(text, "=")
	colon := strings.LastIndexByte(rest, ':')
	if claim == "" || colon < 1 {
		return g, fmt.Errorf("%q: want CLAIM=VALUE:ACCOUNT/ROLE, such as groups=net-admins:*/admin or groups=users:{tenant}/member", text)
	}
	account, role, _ := strings.Cut(rest[colon+1:], "/")
	g = Grant{Claim: claim, Value: rest[:colon], Account: account, Role: tokens.Role(role)}
	if inner, ok := strings.CutPrefix(account, "{"); ok {
		g.Account, g.AccountClaim = "", strings.TrimSuffix(inner, "}")
		if g.AccountClaim == "" || "{"+g.AccountClaim+"}" != account {
			return g, fmt.Errorf("%q: account %q is no {CLAIM}", text, account)
		}
	} else if account != tokens.AllAccounts && !secgroup.ValidID(account) {
		return g, fmt.Errorf("%q: account %q is neither an id nor * nor {CLAIM}", text, account)
	}
	switch g.Role {
	case tokens.Admin, tokens.Member, tokens.Viewer:
	case tokens.Metrics:
		if account != tokens.AllAccounts {
			return g, fmt.Errorf("%q: the metrics are of all accounts, so that role metrics is of account *", text)
		}
	default:
		return g, fmt.Errorf("%q: role %q is not admin, member, viewer or metrics", text, role)
	}
	return g, nil
}

// fits reports whether the grant is of a token with these claims, and of which
// account it is then. A claim never makes a token one of all accounts.
func (g Grant) fits(claims map[string]any) (account string, ok bool) {
	switch v := lookup(claims, g.Claim).(type) {
	case string:
		ok = v == g.Value
	case []any:
		ok = slices.Contains(v, any(g.Value))
	}
	if !ok || g.AccountClaim == "" {
		return g.Account, ok
	}
	account, ok = lookup(claims, g.AccountClaim).(string)
	return account, ok && secgroup.ValidID(account)
}

// lookup finds a claim: by its name, else as a path of names joined by dots.
func lookup(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	first, rest, more := strings.Cut(name, ".")
	inner, ok := claims[first].(map[string]any)
	if !more || !ok {
		return nil
	}
	return lookup(inner, rest)
}

// maxNameLength is how long the name may be that a token gives its bearer, in
// bytes. It stands in the audit log.
const maxNameLength = 128

// namePrefix tells bearers that an issuer names from those of the token file.
const namePrefix = "oidc:"

// nameOf is whom a token names. An address of mail that the issuer has not
// verified is nobody's name.
func nameOf(claims map[string]any, claim string) (string, error) {
	name, ok := lookup(claims, claim).(string)
	switch {
	case !ok || name == "":
		return "", fmt.Errorf("the token has no claim %s that could be its bearer's name", claim)
	case len(name) > maxNameLength || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("the token's claim %s is too long for a name, or has characters that none has", claim)
	case claim == "email" && claims["email_verified"] != true:
		return "", errors.New("the token's claim email is not verified (email_verified)")
	}
	return namePrefix + name, nil
}
