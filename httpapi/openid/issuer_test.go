package openid

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/internal/issuertest"
)

func grants(t *testing.T, texts ...string) (out []Grant) {
	t.Helper()
	for _, text := range texts {
		g, err := ParseGrant(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

// believe returns what believes an issuer, by a clock that the test moves.
func believe(t *testing.T, from *issuertest.Issuer) (*Issuer, *atomic.Int64) {
	t.Helper()
	ahead := &atomic.Int64{}
	i, err := New(Config{
		Issuer: from.URL, Audiences: []string{"ringfence", "ringfence-2"}, Algorithms: []string{"ES256", "RS256"}, Skew: 30 * time.Second, NameClaim: "sub",
		Grants: grants(t, "groups=net-admins:*/admin", "realm.roles=dev:acme/member", "groups=users:{tenant}/viewer"), Logger: slog.New(slog.DiscardHandler),
		Login: Login{ClientID: from.Client, RedirectURL: "http://127.0.0.1:1/ui/sign-in/done"},
		Now:   func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.client.CloseIdleConnections)
	return i, ahead
}

type claimsOf = map[string]any

func TestWhoATokenIs(t *testing.T) {
	t.Parallel()
	from := issuertest.New(t)
	i, _ := believe(t, from)
	now := time.Now()
	users := func(more claimsOf) claimsOf {
		out := claimsOf{"groups": []string{"x", "users"}, "tenant": "bolt"}
		maps.Copy(out, more)
		return out
	}
	bolt := tokens.Identity{Name: "oidc:alice", Account: "bolt", Role: tokens.Viewer}
	for name, c := range map[string]struct {
		claims claimsOf
		who    tokens.Identity // none: refused
		reason string
	}{
		"an admin":                         {claims: claimsOf{"groups": []string{"net-admins"}}, who: tokens.Identity{Name: "oidc:alice", Account: "*", Role: tokens.Admin}},
		"a claim that is one text":         {claims: claimsOf{"groups": "net-admins", "sub": "bob"}, who: tokens.Identity{Name: "oidc:bob", Account: "*", Role: tokens.Admin}},
		"a claim within a claim":           {claims: claimsOf{"realm": claimsOf{"roles": []string{"dev"}}}, who: tokens.Identity{Name: "oidc:alice", Account: "acme", Role: tokens.Member}},
		"the first grant that fits counts": {claims: users(claimsOf{"realm": claimsOf{"roles": []string{"dev"}}}), who: tokens.Identity{Name: "oidc:alice", Account: "acme", Role: tokens.Member}},
		"the account by a claim":           {claims: users(nil), who: bolt},
		"one of its audiences":             {claims: users(claimsOf{"aud": []string{"x", "ringfence-2"}}), who: bolt},
		"just expired, within the skew":    {claims: users(claimsOf{"exp": now.Add(-20 * time.Second).Unix()}), who: bolt},
		"just not valid, within the skew":  {claims: users(claimsOf{"nbf": now.Add(20 * time.Second).Unix(), "iat": now.Add(20 * time.Second).Unix()}), who: bolt},

		"no grant":                        {claims: nil, reason: notGranted},
		"a value that only begins so":     {claims: claimsOf{"groups": "net-admins-of-lunch"}, reason: notGranted},
		"a list in a list":                {claims: claimsOf{"groups": [][]string{{"net-admins"}}}, reason: notGranted},
		"a claim that is an object":       {claims: claimsOf{"groups": claimsOf{"net-admins": true}}, reason: notGranted},
		"no account":                      {claims: users(claimsOf{"tenant": nil}), reason: notGranted},
		"an account that is none":         {claims: users(claimsOf{"tenant": "a/b"}), reason: notGranted},
		"all accounts by a claim":         {claims: users(claimsOf{"tenant": "*"}), reason: notGranted},
		"two accounts":                    {claims: users(claimsOf{"tenant": []string{"acme", "bolt"}}), reason: notGranted},
		"another audience":                {claims: users(claimsOf{"aud": "mail"}), reason: audience},
		"the console's audience alone":    {claims: users(claimsOf{"aud": from.Client}), reason: audience},
		"no audience":                     {claims: users(claimsOf{"aud": nil}), reason: audience},
		"expired":                         {claims: users(claimsOf{"exp": now.Add(-40 * time.Second).Unix()}), reason: expired},
		"no end":                          {claims: users(claimsOf{"exp": nil}), reason: expired},
		"not yet":                         {claims: users(claimsOf{"nbf": now.Add(time.Minute).Unix()}), reason: notYet},
		"issued in the future":            {claims: users(claimsOf{"iat": now.Add(time.Minute).Unix()}), reason: notYet},
		"an event such as a sign-out":     {claims: users(claimsOf{"events": claimsOf{"http://schemas.openid.net/event/backchannel-logout": claimsOf{}}}), reason: kind},
		"no name":                         {claims: users(claimsOf{"sub": nil}), reason: badName},
		"a name with a line's end":        {claims: users(claimsOf{"sub": "a\nb"}), reason: badName},
		"a name as long as a novel":       {claims: users(claimsOf{"sub": strings.Repeat("x", 129)}), reason: badName},
		"another issuer":                  {claims: users(claimsOf{"iss": "http://127.0.0.1:1"})},
		"the issuer with a slash at last": {claims: users(claimsOf{"iss": from.URL + "/"})},
	} {
		who, err := i.Identify(t.Context(), from.Token(c.claims))
		var refused tokens.Refusal
		switch {
		case c.who != (tokens.Identity{}):
			if err != nil || who != c.who {
				t.Errorf("%s: %+v, %v; want %+v", name, who, err, c.who)
			}
		case !errors.As(err, &refused) || who != (tokens.Identity{}):
			t.Errorf("%s: %+v, %v; want it refused", name, who, err)
		case c.reason != "":
			if r, ok := errors.AsType[refusal](err); !ok || r.reason != c.reason {
				t.Errorf("%s: %v; want %s", name, err, c.reason)
			}
		}
	}
	if n := testutil.ToFloat64(i.metrics.refused.WithLabelValues(expired)); n != 2 {
		t.Errorf("%v refusals of expired tokens are counted", n)
	}
	if from.Asked() != 1 {
		t.Errorf("the issuer was asked for its keys %d times", from.Asked())
	}
}

// Whoever is not the issuer makes nothing that counts.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	from := issuertest.New(t)
	i, _ := believe(t, from)
	admin := claimsOf{"groups": "net-admins"}
	good := from.Token(admin)
	if _, err := i.Identify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(from.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b64(b)
	}
	head, payload, sum := cut3(good)
	none := part(claimsOf{"alg": "none"}) + "." + b64(from.Payload(admin)) + "."
	header := func(more map[jose.HeaderKey]any) map[jose.HeaderKey]any {
		out := map[jose.HeaderKey]any{"kid": "key-1"}
		maps.Copy(out, more)
		return out
	}
	before := from.Asked()
	for name, token := range map[string]string{
		"no algorithm":                      none,
		"no algorithm, another's signature": none + sum,
		"algorithm nOnE":                    part(claimsOf{"alg": "nOnE"}) + "." + payload + ".",
		"a secret that is the public key":   from.Sign(public, jose.HS256, header(nil), admin),
		"own key under the issuer's name":   from.Sign(own, jose.ES256, header(nil), admin),
		"own key without a name":            from.Sign(own, jose.ES256, nil, admin),
		"own key brought along":             from.Sign(own, jose.ES256, header(map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: own.Public()}}), admin),
		"own keys to be fetched":            from.Sign(own, jose.ES256, header(map[jose.HeaderKey]any{"jku": "http://127.0.0.1:1/keys"}), admin),
		"claims exchanged":                  head + "." + b64(from.Payload(claimsOf{"groups": "net-admins", "sub": "mallory"})) + "." + sum,
		"header exchanged":                  part(claimsOf{"alg": "RS256", "kid": "key-1"}) + "." + payload + "." + sum,
		"cut short":                         good[:len(good)-4],
		"no signature":                      head + "." + payload + ".",
		"a fourth part":                     good + ".x",
		"a newline":                         good + "\n",
		"as JSON":                           `{"payload":"` + payload + `","protected":"` + head + `","signature":"` + sum + `"}`,
		"nothing":                           "",
		"dots":                              "..",
		"a megabyte":                        strings.Repeat("x", 1<<20),
	} {
		var refused tokens.Refusal
		if who, err := i.Identify(t.Context(), token); !errors.As(err, &refused) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if n := from.Asked() - before; n > 1 {
		t.Errorf("forged tokens had the issuer asked for keys %d times", n)
	}
	// A token of its own kind of which an identity is not the purpose.
	if _, err := i.Identify(t.Context(), from.TokenOfType("logout+jwt", admin)); err == nil {
		t.Error("a logout token identifies")
	}
	if _, err := i.Identify(t.Context(), from.TokenOfType("at+jwt", admin)); err != nil {
		t.Errorf("an access token: %v", err)
	}
}

func cut3(token string) (a, b, c string) {
	p := strings.Split(token, ".")
	return p[0], p[1], p[2]
}

// A new key counts at once, and one that was withdrawn not for long.
func TestKeysAreRotated(t *testing.T) {
	t.Parallel()
	from := issuertest.New(t)
	i, ahead := believe(t, from)
	admin := claimsOf{"groups": "net-admins", "exp": time.Now().Add(48 * time.Hour).Unix()}
	valid := func(token string, want bool) {
		t.Helper()
		if _, err := i.Identify(t.Context(), token); (err == nil) != want {
			t.Errorf("valid %v, want %v: %v", err == nil, want, err)
		}
	}
	old := from.Token(admin)
	valid(old, true)
	from.Rotate()
	fresh := from.Token(admin)
	ahead.Add(int64(keysAgain)) // it was asked just now
	valid(fresh, true)
	valid(old, true)
	from.Withdraw()
	if _, err := i.refresh(t.Context()); err != nil { // as Run does every keysEvery
		t.Fatal(err)
	}
	valid(old, false)
	valid(fresh, true)
	// While the issuer is away, what it has confirmed counts for a day.
	from.Down(true)
	ahead.Add(int64(keysCount - time.Minute))
	valid(fresh, true)
	ahead.Add(int64(time.Minute))
	if _, err := i.Identify(t.Context(), fresh); !errors.Is(err, tokens.ErrCannotTell) {
		t.Errorf("with keys that nobody has confirmed for a day: %v", err)
	}
	from.Down(false)
	ahead.Add(int64(keysAgain))
	valid(fresh, true)
}

// An issuer that cannot be reached is neither believed nor asked without end,
// and what it cannot be asked about is not called invalid.
func TestIssuerAway(t *testing.T) {
	t.Parallel()
	from := issuertest.New(t)
	from.Down(true)
	i, ahead := believe(t, from)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { i.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	token := from.Token(claimsOf{"groups": "net-admins"})
	for range 50 {
		if who, err := i.Identify(t.Context(), token); !errors.Is(err, tokens.ErrCannotTell) || who != (tokens.Identity{}) {
			t.Fatalf("%+v, %v", who, err)
		}
	}
	if _, err := i.Identify(t.Context(), "rf_of_somebody_else"); !errors.Is(err, tokens.ErrUnknown) {
		t.Errorf("another token: %v", err)
	}
	from.Down(false)
	ahead.Add(int64(keysAgain))
	if _, err := i.Identify(t.Context(), token); err != nil {
		t.Errorf("when it is back: %v", err)
	}
	if at := testutil.ToFloat64(i.metrics.confirmed); at == 0 {
		t.Error("no metric says when the keys were confirmed")
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "want CLAIM", "groups": "want CLAIM", "groups=x": "want CLAIM", "=x:*/admin": "want CLAIM", "groups=:*/admin": "want CLAIM",
		"groups=x:*/root": "role", "groups=x:*": "role", "groups=x:a b/member": "account", "groups=x:/member": "account", "groups=x:{}/member": "account",
		"groups=x:{tenant/member": "account", "groups=x:acme/metrics": "metrics", "groups=x:{tenant}/metrics": "metrics",
	} {
		if g, err := ParseGrant(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("grant %q: %+v, %v", text, g, err)
		}
	}
	g, err := ParseGrant("https://example.org/groups=cn=net,ou=x:y:acme/member")
	if err != nil || g != (Grant{Claim: "https://example.org/groups", Value: "cn=net,ou=x:y", Account: "acme", Role: tokens.Member}) {
		t.Errorf("%+v, %v", g, err)
	}
	good := Config{Issuer: "https://login.example.org/x", Audiences: []string{"a"}, Algorithms: []string{"RS256"}, NameClaim: "sub", Grants: []Grant{g}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"https":     func(c *Config) { c.Issuer = "http://login.example.org" },
		"no URL":    func(c *Config) { c.Issuer = "login.example.org" },
		"no query":  func(c *Config) { c.Issuer = "https://login.example.org?x=y" },
		"audience":  func(c *Config) { c.Audiences = nil },
		"grant":     func(c *Config) { c.Grants = nil },
		"skew":      func(c *Config) { c.Skew = time.Hour },
		"HS256":     func(c *Config) { c.Algorithms = []string{"RS256", "HS256"} },
		`"none"`:    func(c *Config) { c.Algorithms = []string{"none"} },
		"algorithm": func(c *Config) { c.Algorithms = nil },
		"name":      func(c *Config) { c.NameClaim = "" },
		"console":   func(c *Config) { c.Login.ClientID = "x" },
	} {
		c := good
		spoil(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
