package openid

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

// Config says which issuer is believed, and what of it.
type Config struct {
	Issuer     string         // its URL, as in its tokens
	Audiences  []string       // of which a token has one
	Algorithms []string       // that a token is signed by one of; see Algorithms
	Skew       time.Duration  // by which its clock and ours may differ
	NameClaim  string         // the claim that names the bearer
	Grants     []Grant        // the first that fits counts
	Login      Login          // of people at the console
	Roots      *x509.CertPool // CAs of the issuer's certificate; nil: the system's
	Logger     *slog.Logger
	Now        func() time.Time // nil: time.Now
}

// Login is what the console is to the issuer. Without a ClientID nobody signs in
// so.
type Login struct {
	ClientID     string
	ClientSecret string   // "": a public client, which PKCE is enough for
	RedirectURL  string   // where the issuer sends people back to
	Scopes       []string // besides openid
}

// Algorithms are those that a token may be signed by: none without a signature,
// and none with a secret that issuer and API would share.
var Algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// MaxSkew is the largest Skew: beyond it a clock is to be put right.
const MaxSkew = 5 * time.Minute

// Check says what is wrong with a configuration. Its errors name fields.
func (c *Config) Check() error {
	if err := secure(c.Issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if u, _ := url.Parse(c.Issuer); u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("issuer: %s: an issuer's URL has no query, no fragment and no user", c.Issuer)
	}
	switch {
	case len(c.Audiences) == 0 || slices.Contains(c.Audiences, ""):
		return errors.New("audience: one is needed: without it a token for any other service of the issuer would do")
	case len(c.Grants) == 0:
		return errors.New("grant: one is needed: without any the issuer's tokens are good for nothing")
	case c.Skew < 0 || c.Skew > MaxSkew:
		return fmt.Errorf("skew: %v: want 0s to %v", c.Skew, MaxSkew)
	case c.NameClaim == "":
		return errors.New("name-claim: one is needed")
	case len(c.Algorithms) == 0:
		return errors.New("algorithm: one is needed")
	}
	for _, a := range c.Algorithms {
		if !slices.Contains(Algorithms, a) {
			return fmt.Errorf("algorithm: %q is not one of %v", a, Algorithms)
		}
	}
	if c.Login.ClientID != "" {
		if err := secure(c.Login.RedirectURL); err != nil {
			return fmt.Errorf("console-url: %w", err)
		}
	}
	return nil
}

// secure refuses a URL at which somebody between could answer. On this machine
// nobody is between.
func secure(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is no URL such as https://login.example.org", text)
	}
	if u.Scheme == "http" && !tokens.Loopback(u.Hostname()) {
		return fmt.Errorf("%s: want https, but for loopback", text)
	}
	return nil
}
