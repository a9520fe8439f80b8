package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/httpapi/openid"
	"github.com/ringfence/ringfence/httpapi/tokens"
)

// oidcFlags say which OpenID Connect issuer is believed beside the file of
// tokens.
type oidcFlags struct {
	OIDCIssuer       string        `name:"oidc-issuer" placeholder:"URL" help:"OpenID Connect issuer whose tokens are taken, too. Default: none's."`
	OIDCAudience     []string      `name:"oidc-audience" placeholder:"NAME" help:"Audience that a token must have. Repeatable: one of them. Tokens for --oidc-client-id are taken, too."`
	OIDCGrant        []string      `name:"oidc-grant" placeholder:"GRANT" help:"CLAIM=VALUE:ACCOUNT/ROLE: what a token is good for with this claim; ACCOUNT may be * or {CLAIM}. Repeatable: the first that fits counts, and without one a token is refused."`
	OIDCNameClaim    string        `name:"oidc-name-claim" default:"sub" placeholder:"CLAIM" help:"Claim that names the bearer in the audit log."`
	OIDCAlgorithm    []string      `name:"oidc-algorithm" default:"RS256,PS256,ES256,EdDSA" placeholder:"NAME" help:"Algorithms that a token may be signed by."`
	OIDCSkew         time.Duration `name:"oidc-skew" default:"30s" placeholder:"TIME" help:"How far the issuer's clock and this one may be apart, at most 5m."`
	OIDCCA           string        `name:"oidc-ca" type:"existingfile" placeholder:"FILE" complete:"file" help:"CA of the issuer's certificate, PEM. Default: the system's."`
	OIDCClientID     string        `name:"oidc-client-id" placeholder:"NAME" help:"The console as the issuer's client: people sign in there."`
	OIDCClientSecret string        `name:"oidc-client-secret-file" type:"existingfile" placeholder:"FILE" complete:"file" help:"File with the client's secret. Default: a public client, by PKCE alone."`
	OIDCScope        []string      `name:"oidc-scope" placeholder:"NAME" help:"Scopes to ask for besides openid."`
	OIDCConsole      string        `name:"oidc-console-url" placeholder:"URL" help:"Where people find the console, such as https://ringfence.example.org/ui/. The issuer is to know its sign-in/done as redirect URI."`
}

// callback is what the issuer sends people back to, below the console's URL.
const callback = "sign-in/done"

// config is what the flags say, nil without an issuer.
func (f *oidcFlags) config(log *slog.Logger, certs *certfile.Set) (*openid.Config, error) {
	if f.OIDCIssuer == "" {
		if given := slices.Concat(f.OIDCAudience, f.OIDCGrant, f.OIDCScope, nonEmpty(f.OIDCCA, f.OIDCClientID, f.OIDCClientSecret, f.OIDCConsole)); len(given) > 0 {
			return nil, failure.Usage("--oidc-issuer is missing: without it the other --oidc flags are of nobody")
		}
		return nil, nil
	}
	cfg := &openid.Config{Issuer: f.OIDCIssuer, Audiences: f.OIDCAudience, Algorithms: f.OIDCAlgorithm, Skew: f.OIDCSkew, NameClaim: f.OIDCNameClaim, Logger: log}
	for _, text := range f.OIDCGrant {
		g, err := openid.ParseGrant(text)
		if err != nil {
			return nil, failure.Usage("--oidc-grant " + err.Error())
		}
		cfg.Grants = append(cfg.Grants, g)
	}
	var err error
	if cfg.Login, err = f.login(); err != nil {
		return nil, err
	}
	if cfg.Login.ClientID != "" {
		cfg.Audiences = append(slices.Clone(cfg.Audiences), cfg.Login.ClientID)
	}
	if f.OIDCCA != "" {
		if cfg.Roots, err = certs.AuthoritiesOnce("oidc-ca", f.OIDCCA); err != nil {
			return nil, fmt.Errorf("--oidc-ca: %w", err)
		}
	}
	if err := cfg.Check(); err != nil {
		return nil, failure.Usage("--oidc-" + err.Error())
	}
	return cfg, nil
}

// login is the console as the issuer's client.
func (f *oidcFlags) login() (l openid.Login, err error) {
	switch {
	case f.OIDCClientID == "":
		if f.OIDCClientSecret != "" || f.OIDCConsole != "" || len(f.OIDCScope) > 0 {
			return l, failure.Usage("--oidc-client-id is missing: without it nobody signs in at the console by the issuer")
		}
		return l, nil
	case !strings.HasSuffix(f.OIDCConsole, "/ui/"):
		return l, failure.Usage(fmt.Sprintf("--oidc-console-url %s: want the console's URL, which ends in /ui/", f.OIDCConsole))
	}
	l = openid.Login{ClientID: f.OIDCClientID, RedirectURL: f.OIDCConsole + callback, Scopes: f.OIDCScope}
	if f.OIDCClientSecret != "" {
		secret, err := os.ReadFile(f.OIDCClientSecret)
		if err != nil {
			return l, fmt.Errorf("--oidc-client-secret-file: %w", err)
		}
		if l.ClientSecret = string(bytes.TrimSpace(secret)); l.ClientSecret == "" {
			return l, fmt.Errorf("--oidc-client-secret-file: %s is empty", f.OIDCClientSecret)
		}
	}
	return l, nil
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// check says what is wrong with the flags, without asking anybody.
func (f *oidcFlags) check() error {
	_, err := f.config(nil, certfile.NewSet(slog.New(slog.DiscardHandler)))
	return err
}

// identities are who may call: those of the file, then those of the issuer.
type identities struct {
	file   *tokens.File
	issuer *openid.Issuer // nil: none
}

// Identify implements transport.Identifier.
func (i identities) Identify(ctx context.Context, token string) (tokens.Identity, error) {
	who, err := i.file.Identify(ctx, token)
	if i.issuer == nil || !errors.Is(err, tokens.ErrUnknown) {
		return who, err
	}
	return i.issuer.Identify(ctx, token)
}
