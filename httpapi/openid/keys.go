package openid

import (
	"context"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// errNoKey and errSignature are why no key has signed a token.
var (
	errNoKey     = errors.New("signed with a key that the issuer does not have")
	errSignature = errors.New("the signature is wrong")
)

// keySet is the issuer's keys for one token: an oidc.KeySet, that keeps why it
// verifies nothing, of which oidc's errors have the text alone.
type keySet struct {
	issuer *Issuer
	err    error
}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, k.err = k.issuer.payload(ctx, token)
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
