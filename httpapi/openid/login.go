package openid

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Name is the issuer, by its host, as people are told of it.
func (i *Issuer) Name() string {
	u, _ := url.Parse(i.config.Issuer) // Check has read it
	return u.Host
}

// SignsIn reports whether people sign in by the issuer.
func (i *Issuer) SignsIn() bool { return i.config.Login.ClientID != "" }

// URL is the issuer's, as its tokens have it.
func (i *Issuer) URL() string { return i.config.Issuer }

// Begin is where the browser goes to sign in. State, nonce and verifier are
// random and of this attempt alone.
func (i *Issuer) Begin(ctx context.Context, state, nonce, verifier string) (string, error) {
	k, err := i.known(ctx, time.Time{})
	if err != nil {
		return "", err
	}
	return i.oauth(k).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), nil
}

// Redeem turns the code that the issuer has sent the browser back with into an
// ID token, which is for the attempt with this nonce.
func (i *Issuer) Redeem(ctx context.Context, code, verifier, nonce string) (token string, err error) {
	k, err := i.known(ctx, time.Time{})
	if err != nil {
		return "", err
	}
	given, err := i.oauth(k).Exchange(i.context(ctx), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", fmt.Errorf("the issuer gives no token for its code: %w", err)
	}
	token, ok := given.Extra("id_token").(string)
	if !ok || len(token) > maxToken {
		return "", errors.New("the issuer gives no ID token")
	}
	client := i.config.Login.ClientID
	c, err := i.verify(ctx, token, []string{client})
	switch {
	case err != nil:
		return "", err
	case subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1:
		return "", errors.New("the ID token is of another attempt: its nonce is not this one's")
	case c.Party != "" && c.Party != client, c.Party == "" && len(c.audience) > 1: // OpenID Connect Core, section 3.1.3.7
		return "", errors.New("the ID token is for another client")
	}
	return token, nil
}

// SignOutURL is where people end their session at the issuer, "" if it does not
// say.
func (i *Issuer) SignOutURL() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.latest == nil || secure(i.latest.metadata.EndSession) != nil {
		return ""
	}
	u, _ := url.Parse(i.latest.metadata.EndSession) // secure has read it
	q := u.Query()
	q.Set("client_id", i.config.Login.ClientID)
	u.RawQuery = q.Encode()
	return u.String()
}

// oauth is the console as the issuer's client.
func (i *Issuer) oauth(k *knowledge) *oauth2.Config {
	login := i.config.Login
	endpoint := k.provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if methods := k.metadata.AuthMethods; login.ClientSecret == "" || len(methods) > 0 && !slices.Contains(methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: login.ClientID, ClientSecret: login.ClientSecret, RedirectURL: login.RedirectURL, Endpoint: endpoint,
		Scopes: append([]string{oidc.ScopeOpenID}, login.Scopes...),
	}
}
