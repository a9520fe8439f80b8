package openid

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ringfence/ringfence/internal/issuertest"
)

// signIn goes to the issuer as a browser does, and comes back with a code.
func signIn(t *testing.T, i *Issuer, nonce, verifier string) url.Values {
	t.Helper()
	at, err := i.Begin(t.Context(), "some-state", nonce, verifier)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer browser.CloseIdleConnections()
	answer, err := browser.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != 302 || !strings.HasPrefix(back.String(), i.config.Login.RedirectURL+"?") {
		t.Fatalf("%s: %d %s", at, answer.StatusCode, back)
	}
	return back.Query()
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	from := issuertest.New(t)
	i, _ := believe(t, from)
	i.config.Audiences = append(i.config.Audiences, from.Client) // as the flags have it
	verifier := oauth2.GenerateVerifier()
	from.Person(claimsOf{"groups": "net-admins", "sub": "carol"})

	back := signIn(t, i, "n1", verifier)
	if back.Get("state") != "some-state" {
		t.Errorf("state %q", back.Get("state"))
	}
	token, err := i.Redeem(t.Context(), back.Get("code"), verifier, "n1")
	if err != nil {
		t.Fatal(err)
	}
	if who, err := i.Identify(t.Context(), token); err != nil || who.Name != "oidc:carol" {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := i.Redeem(t.Context(), back.Get("code"), verifier, "n1"); err == nil {
		t.Error("a code counts twice")
	}
	if at := i.SignOutURL(); at != from.URL+"/end?client_id=console" {
		t.Errorf("sign-out at %s", at)
	}

	for name, c := range map[string]struct {
		claims          claimsOf
		nonce, verifier string
	}{
		"another's verifier":         {nonce: "n2", verifier: oauth2.GenerateVerifier()},
		"another attempt's nonce":    {nonce: "n1", verifier: verifier},
		"a token without the nonce":  {claims: claimsOf{"nonce": nil}, nonce: "n2", verifier: verifier},
		"a token for another client": {claims: claimsOf{"aud": "ringfence"}, nonce: "n2", verifier: verifier},
		"a token for two, of the other's": {
			claims: claimsOf{"aud": []string{"console", "mail"}, "azp": "mail"}, nonce: "n2", verifier: verifier,
		},
		"a token for two, of nobody's": {claims: claimsOf{"aud": []string{"console", "mail"}}, nonce: "n2", verifier: verifier},
		"an expired token":             {claims: claimsOf{"exp": 1}, nonce: "n2", verifier: verifier},
		"another issuer's token":       {claims: claimsOf{"iss": "http://127.0.0.1:1"}, nonce: "n2", verifier: verifier},
	} {
		person := claimsOf{"groups": "net-admins"}
		maps.Copy(person, c.claims)
		from.Person(person)
		back := signIn(t, i, "n2", verifier)
		if token, err := i.Redeem(t.Context(), back.Get("code"), c.verifier, c.nonce); err == nil {
			t.Errorf("%s: %s", name, token)
		}
	}
	from.Person(nil)
	if back := signIn(t, i, "n3", verifier); back.Get("error") != "access_denied" || back.Has("code") {
		t.Errorf("who is denied comes back with %v", back)
	}
}
