package openid

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

const (
	// keysEvery is how often the issuer is asked for its keys, so how long one
	// counts that it has withdrawn; keysAgain how soon after it could not be
	// asked, or was asked for a key that it had not.
	keysEvery = 5 * time.Minute
	keysAgain = 2 * time.Second
	// keysCount is for how long keys count that the issuer cannot confirm.
	keysCount = 24 * time.Hour
	// askTime bounds one request to the issuer, maxDocument its answer in bytes.
	askTime     = 10 * time.Second
	maxDocument = 1 << 20
)

// knowledge is what the issuer has told of itself.
type knowledge struct {
	provider  *oidc.Provider
	metadata  metadata
	keys      []jose.JSONWebKey
	confirmed time.Time
}

// metadata is what discovery tells besides what oidc.Provider has.
type metadata struct {
	Keys        string   `json:"jwks_uri"`
	EndSession  string   `json:"end_session_endpoint"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
}

// ask asks the issuer for all that it tells.
func (i *Issuer) ask(ctx context.Context) (*knowledge, error) {
	provider, err := oidc.NewProvider(i.context(ctx), i.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	k := &knowledge{provider: provider}
	if err := provider.Claims(&k.metadata); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	urls := []string{k.metadata.Keys, provider.Endpoint().TokenURL, provider.Endpoint().AuthURL}
	if i.config.Login.ClientID == "" {
		urls = urls[:1]
	}
	for _, u := range urls {
		if err := secure(u); err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
	}
	if k.keys, err = i.fetchKeys(ctx, k.metadata.Keys); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k.confirmed = i.now()
	return k, nil
}

// context has go-oidc and oauth2 use our client.
func (i *Issuer) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, i.client)
}

// fetchKeys reads a JWK set (RFC 7517). Keys of kinds that are not known are left
// out, and so is what is no public key for signatures.
func (i *Issuer) fetchKeys(ctx context.Context, url string) ([]jose.JSONWebKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := i.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(raw, &key); err != nil || !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: none that could sign", url)
	}
	return keys, nil
}

// refresh asks the issuer; who asks at the same time waits for the same answer.
func (i *Issuer) refresh(ctx context.Context) (*knowledge, error) {
	answer := i.asking.DoChan("", func() (any, error) {
		k, err := i.ask(context.WithoutCancel(ctx))
		i.mu.Lock()
		defer i.mu.Unlock()
		if err != nil {
			i.failed = i.now()
			return k, err
		}
		i.latest, i.failed = k, time.Time{}
		return k, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-answer:
		k, _ := a.Val.(*knowledge)
		return k, a.Err
	}
}

// errUnreachable is why nothing can be said of a token.
var errUnreachable = fmt.Errorf("the OpenID issuer cannot be reached: %w", tokens.ErrCannotTell)

// known returns what the issuer has told, no earlier than since. It is asked
// again at most every keysAgain.
func (i *Issuer) known(ctx context.Context, since time.Time) (*knowledge, error) {
	i.mu.Lock()
	k, failed := i.latest, i.failed
	i.mu.Unlock()
	usable := k != nil && i.now().Sub(k.confirmed) < keysCount
	if usable && !k.confirmed.Before(since) {
		return k, nil
	}
	if i.now().Sub(failed) < keysAgain {
		return nil, errUnreachable
	}
	k, err := i.refresh(ctx)
	if err != nil {
		return nil, errUnreachable
	}
	return k, nil
}

// limited bounds the answers of the issuer.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxDocument), answer.Body}
	}
	return answer, err
}
