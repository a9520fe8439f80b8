package openid

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

// claims is what a token says whose signature is the issuer's.
type claims struct {
	Subject   string          `json:"sub"`
	Expiry    *float64        `json:"exp"` // seconds since 1970, as the others
	NotBefore *float64        `json:"nbf"`
	IssuedAt  *float64        `json:"iat"`
	Party     string          `json:"azp"` // the client that an ID token is for
	Nonce     string          `json:"nonce"`
	Events    json.RawMessage `json:"events"` // a security event (RFC 8417), which is no identity
	audience  []string
	all       map[string]any
}

// refusal is why a token of the issuer is not taken. To callers of the API it
// is a tokens.Refusal.
type refusal struct{ reason, detail string }

func (r refusal) Error() string { return r.detail }
func (r refusal) Unwrap() error { return tokens.Refusal(r.detail) }

// Reasons of refusals, as the metric has them.
const (
	malformed   = "malformed"
	signature   = "signature"
	kind        = "kind"
	audience    = "audience"
	expired     = "expired"
	notYet      = "not-yet"
	badName     = "name"
	notGranted  = "not-granted"
	unreachable = "issuer-unreachable"
)

var reasons = []string{malformed, signature, kind, audience, expired, notYet, badName, notGranted, unreachable}

// kindOf refuses what the issuer signs and is no ID token and no access token:
// logout tokens and other events are for the same audience.
func kindOf(token string) error {
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Type string `json:"typ"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &header)
	}
	switch strings.TrimPrefix(strings.ToLower(header.Type), "application/") {
	case "", "jwt", "at+jwt":
		if err == nil {
			return nil
		}
	}
	return refusal{kind, "the token is neither an ID token nor an access token"}
}

// check says why the token does not count at a time.
func (c *claims) check(now time.Time, skew time.Duration, audiences []string) error {
	at := func(seconds *float64) time.Time { return time.UnixMilli(int64(*seconds * 1000)) }
	switch {
	case !intersect(c.audience, audiences):
		return refusal{audience, "the token is for another service: its audience is not the API's"}
	case len(c.Events) > 0:
		return refusal{kind, "the token tells of an event and is nobody's identity"}
	case c.Expiry == nil:
		return refusal{expired, "the token has no end (exp)"}
	case !now.Before(at(c.Expiry).Add(skew)):
		return refusal{expired, "the token has expired"}
	case c.NotBefore != nil && now.Add(skew).Before(at(c.NotBefore)), c.IssuedAt != nil && now.Add(skew).Before(at(c.IssuedAt)):
		return refusal{notYet, "the token is not valid yet: the clocks of issuer and API differ, perhaps"}
	}
	return nil
}

// intersect reports whether two lists have something in common.
func intersect(list, of []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(of, s) })
}
