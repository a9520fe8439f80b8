package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
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

// errNoKey and errSignature are why no key has signed a token.
var (
	errNoKey     = errors.New("signed with a key that the issuer does not have")
	errSignature = errors.New("the signature is wrong")
)

// keySet is the issuer's keys for one token: an oidc.KeySet, that keeps why it
// verifies nothing, of which oidc's errors have the text alone.
type keySet struct {
	*Issuer
	err error
}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, k.err = k.payload(ctx, token)
	return payload, k.err
}

// payload returns that of a token that one of the issuer's keys has signed.
func (i *Issuer) payload(ctx context.Context, token string) ([]byte, error) {
	algorithms := make([]jose.SignatureAlgorithm, len(i.config.Algorithms))
	for n, a := range i.config.Algorithms {
		algorithms[n] = jose.SignatureAlgorithm(a)
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, err
	}
	asked := i.now()
	k, err := i.known(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	payload, err := k.verify(signed)
	if errors.Is(err, errNoKey) { // it may be a new one
		if k, err = i.known(ctx, asked.Add(-keysAgain)); err != nil {
			return nil, err
		}
		payload, err = k.verify(signed)
	}
	return payload, err
}

// verify returns the payload of what one of the keys has signed.
func (k *knowledge) verify(signed *jose.JSONWebSignature) ([]byte, error) {
	err := errNoKey
	header := signed.Signatures[0].Header
	for _, key := range k.keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, wrong := signed.Verify(&key); wrong == nil {
			return payload, nil
		}
		if header.KeyID != "" {
			err = errSignature
		}
	}
	return nil, err
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
