package openid

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

// maxToken is how long a token may be, in bytes.
const maxToken = 16 << 10

// Issuer identifies by the tokens of one issuer.
type Issuer struct {
	config  Config
	now     func() time.Time
	client  *http.Client
	asking  singleflight.Group
	logged  rate.Sometimes
	metrics *metrics

	mu     sync.Mutex
	latest *knowledge // nil: none yet
	failed time.Time  // when the issuer could not be asked last; zero: since latest it could
}

// New returns an issuer that knows no keys yet: Run asks for them.
func New(cfg Config) (*Issuer, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots}
	i := &Issuer{config: cfg, now: cfg.Now, logged: rate.Sometimes{First: 5, Interval: time.Second}, client: &http.Client{
		Transport: limited{transport}, Timeout: askTime,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return errors.New("too many redirects")
			}
			return secure(r.URL.String())
		},
	}}
	if i.now == nil {
		i.now = time.Now
	}
	i.metrics = newMetrics(i)
	return i, nil
}

// Run keeps the issuer's keys up to date until ctx ends.
func (i *Issuer) Run(ctx context.Context) {
	defer i.client.CloseIdleConnections()
	reached := true
	for first := true; ; first = false {
		k, err := i.refresh(ctx)
		wait := keysEvery
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if reached {
				i.config.Logger.Error("the OpenID issuer cannot be asked: its tokens count while keys are known that it has confirmed within a day", "issuer", i.config.Issuer, "error", err)
			}
			wait = 5 * keysAgain
		case first || !reached:
			i.config.Logger.Info("keys of the OpenID issuer read", "issuer", i.config.Issuer, "keys", len(k.keys))
		}
		reached = err == nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Identify tells who bears a token. Its errors are a tokens.Refusal, and
// tokens.ErrCannotTell while the issuer would have to be asked and cannot be.
func (i *Issuer) Identify(ctx context.Context, token string) (who tokens.Identity, err error) {
	if len(token) > maxToken || !i.claims(token) {
		return who, tokens.ErrUnknown // not one of the issuer's, whoever made it
	}
	claims, err := i.verify(ctx, token, i.config.Audiences)
	if err == nil {
		who, err = i.granted(claims)
	}
	if err != nil {
		i.refused(err, claims)
	}
	return who, err
}

// claims reports whether a token says, with nothing yet to believe it by, that
// the issuer has made it.
func (i *Issuer) claims(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || strings.ContainsAny(token, "\r\n") { // line ends are nothing to encoding/base64
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var said struct {
		Issuer string `json:"iss"`
	}
	return err == nil && json.Unmarshal(payload, &said) == nil && said.Issuer == i.config.Issuer
}

// verify returns the claims of a token that the issuer has made for one of the
// audiences, and that counts now.
func (i *Issuer) verify(ctx context.Context, token string, audiences []string) (*claims, error) {
	keys := &keySet{issuer: i}
	// What the verifier would say of times and audiences is said in claims.go.
	verifier := oidc.NewVerifier(i.config.Issuer, keys, &oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: i.config.Algorithms})
	verified, err := verifier.Verify(ctx, token)
	switch {
	case errors.Is(keys.err, errUnreachable):
		return nil, errUnreachable
	case err != nil:
		i.config.Logger.Debug("token refused", "error", err)
		return nil, refusal{signature, "the token is not signed by the issuer as it must be"}
	}
	c := &claims{}
	if err := verified.Claims(&c.all); err != nil {
		return nil, refusal{malformed, "the token's claims cannot be read"}
	}
	if err := verified.Claims(c); err != nil {
		return nil, refusal{malformed, "the token's claims cannot be read"}
	}
	c.audience = verified.Audience
	if err := kindOf(token); err != nil {
		return c, err
	}
	return c, c.check(i.now(), i.config.Skew, audiences)
}

// granted is who the bearer is by the grants.
func (i *Issuer) granted(c *claims) (who tokens.Identity, err error) {
	for _, g := range i.config.Grants {
		account, ok := g.fits(c.all)
		if !ok {
			continue
		}
		name, err := nameOf(c.all, i.config.NameClaim)
		if err != nil {
			return who, refusal{badName, err.Error()}
		}
		return tokens.Identity{Name: name, Account: account, Role: g.Role}, nil
	}
	return who, refusal{notGranted, "the token is the issuer's, and nothing is granted to its bearer"}
}

// refused counts a token of the issuer that is not taken, and logs some.
func (i *Issuer) refused(err error, c *claims) {
	var r refusal
	if !errors.As(err, &r) {
		r = refusal{reason: unreachable, detail: err.Error()}
	}
	i.metrics.refused.WithLabelValues(r.reason).Inc()
	i.logged.Do(func() {
		subject := "" // not to be believed before the signature is
		if c != nil {
			subject = cmp.Or(c.Subject, "-")
		}
		i.config.Logger.Warn("a token of the OpenID issuer is refused", "reason", r.reason, "detail", r.detail, "subject", subject)
	})
}
