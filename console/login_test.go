package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// fakeLogin is an issuer that gives a token for the code "good" alone, to who
// brings the verifier and the nonce that it was begun with.
type fakeLogin struct {
	state, nonce, verifier string
	token                  string
	down                   bool
	redeemed               int
}

func (f *fakeLogin) Name() string       { return "login.example.org" }
func (f *fakeLogin) URL() string        { return "https://login.example.org" }
func (f *fakeLogin) SignOutURL() string { return "https://login.example.org/end" }

func (f *fakeLogin) Begin(_ context.Context, state, nonce, verifier string) (string, error) {
	if f.down {
		return "", errors.New("down")
	}
	f.state, f.nonce, f.verifier = state, nonce, verifier
	return "https://login.example.org/authorize?state=" + state, nil
}

func (f *fakeLogin) Redeem(_ context.Context, code, verifier, nonce string) (string, error) {
	f.redeemed++
	if code != "good" || verifier != f.verifier || nonce != f.nonce {
		return "", errors.New("invalid_grant")
	}
	return f.token, nil
}

// begun begins a sign-in and returns the browser's cookie.
func begun(t *testing.T, h http.Handler, then string) string {
	t.Helper()
	a := ask(h, "POST", "/ui/sign-in", `{"then":"`+then+`"}`, "X-Under-TLS: 1")
	var body struct{ Location string }
	if err := json.NewDecoder(a.Body).Decode(&body); err != nil || a.StatusCode != 200 || len(a.Cookies()) != 1 || !strings.HasPrefix(body.Location, "https://login.example.org/authorize?") {
		t.Fatalf("%d %v %v", a.StatusCode, a.Cookies(), err)
	}
	c := a.Cookies()[0]
	if c.Name != "__Host-ringfence-attempt" || c.Path != "/" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 600 {
		t.Errorf("cookie %v", c)
	}
	return "Cookie: " + c.Name + "=" + c.Value
}

// back is what the browser is told when the issuer has sent it back. It comes
// from another site, without a header of ours.
func back(t *testing.T, h http.Handler, query, cookie string) (location string, session *http.Cookie) {
	t.Helper()
	a := ask(h, "GET", "/ui/sign-in/done?"+query, "", cookie, "X-Under-TLS: 1", ourHeader+": -", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
	if a.StatusCode != 303 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s: %d %v", query, a.StatusCode, a.Header)
	}
	ended := false
	for _, c := range a.Cookies() {
		switch c.Name {
		case "__Host-ringfence":
			session = c
		case "__Host-ringfence-attempt":
			ended = c.MaxAge < 0
		}
	}
	if !ended {
		t.Errorf("%s: the attempt does not end: %v", query, a.Cookies())
	}
	return a.Header.Get("Location"), session
}

func TestSignInByIssuer(t *testing.T) {
	t.Parallel()
	login := &fakeLogin{token: "acme-secret"}
	h := handler(&fakeAPI{}, Options{Login: login}, testPages)
	cookie := begun(t, h, "/ui/a/acme/live?pause=1")
	if len(login.state) < 40 || len(login.nonce) < 40 || len(login.verifier) < 43 || login.state == login.nonce || login.nonce == login.verifier {
		t.Errorf("%+v", login)
	}
	state := "state=" + login.state
	at, session := back(t, h, state+"&code=good&iss=https%3A%2F%2Flogin.example.org", cookie)
	if at != "/ui/a/acme/live?pause=1" || session == nil || !session.HttpOnly || session.SameSite != http.SameSiteStrictMode || session.Path != "/" {
		t.Fatalf("%s %v", at, session)
	}
	a := ask(h, "GET", "/ui/session", "", "Cookie: "+session.Name+"="+session.Value, "X-Under-TLS: 1")
	var s sessionJSON
	if err := json.NewDecoder(a.Body).Decode(&s); err != nil || s.Identity == nil || s.Identity.Account != "acme" || s.SignIn.Issuer.Name != "login.example.org" || *s.SignIn.Issuer.SignOut != "https://login.example.org/end" {
		t.Errorf("%+v %v", s, err)
	}
	// An attempt at a page of elsewhere ends at one of ours.
	for _, then := range []string{"https://evil.example/ui/", "//evil.example/ui/", "/ui/../evil", "/ui/%2e%2e/evil", "/ui/x/../sign-in/done", "/v1/x", "/ui\\\\evil", "/ui/sign-in/done", "javascript:alert(1)", ""} {
		c := begun(t, h, then)
		at, _ := back(t, h, "state="+login.state+"&code=good", c)
		if at != "/ui/" {
			t.Errorf("then %q: %s", then, at)
		}
	}
}

// Nothing but the end of this browser's own attempt begins a session.
func TestSignInsThatComeToNothing(t *testing.T) {
	t.Parallel()
	login := &fakeLogin{token: "acme-secret"}
	h := handler(&fakeAPI{}, Options{Login: login}, testPages)
	for name, c := range map[string]struct {
		query  string // STATE is the attempt's
		cookie string
		token  string
		fault  string
	}{
		"no attempt":              {query: "state=STATE&code=good", cookie: "Cookie: -", fault: faultAttempt},
		"another's attempt":       {query: "state=somebody-elses&code=good", fault: faultAttempt},
		"no state":                {query: "code=good", fault: faultAttempt},
		"two states":              {query: "state=STATE&state=STATE&code=good", fault: faultAttempt},
		"a cookie that is none":   {query: "state=&code=good", cookie: "Cookie: __Host-ringfence-attempt=e30", fault: faultAttempt},
		"a cookie of no JSON":     {query: "state=STATE&code=good", cookie: "Cookie: __Host-ringfence-attempt=%%%", fault: faultAttempt},
		"a cookie given in clear": {query: "state=STATE&code=good", cookie: "Cookie: ringfence-attempt=e30", fault: faultAttempt},
		"another issuer":          {query: "state=STATE&code=good&iss=https%3A%2F%2Fevil.example", fault: faultAttempt},
		"no":                      {query: "state=STATE&error=access_denied&error_description=%3Cscript%3E", fault: faultDenied},
		"no, and a code":          {query: "state=STATE&error=access_denied&code=good", fault: faultDenied},
		"no code":                 {query: "state=STATE", fault: faultIssuer},
		"a wrong code":            {query: "state=STATE&code=bad", fault: faultIssuer},
		"nothing granted":         {query: "state=STATE&code=good", token: "nobodys", fault: faultRefused},
		"for metrics":             {query: "state=STATE&code=good", token: "scraper", fault: faultRefused},
		"as long as a novel":      {query: "state=STATE&code=good", token: strings.Repeat("x", maxToken+1), fault: faultSize},
	} {
		login.token = "acme-secret"
		if c.token != "" {
			login.token = c.token
		}
		cookie := begun(t, h, "/ui/hosts")
		if c.cookie != "" {
			cookie = c.cookie
		}
		at, session := back(t, h, strings.ReplaceAll(c.query, "STATE", login.state), cookie)
		u, err := url.Parse(at)
		if err != nil || u.Path != "/ui/sign-in" || u.Host != "" || u.Query().Get("fault") != c.fault || session != nil {
			t.Errorf("%s: %s %v, want %s", name, at, session, c.fault)
		}
		if want := map[bool]string{true: "/ui/", false: "/ui/hosts"}[c.fault == faultAttempt && !strings.Contains(c.query, "iss=")]; u.Query().Get("then") != want {
			t.Errorf("%s: %s, want then %s", name, at, want)
		}
	}
	redeemed := login.redeemed
	// A page of elsewhere begins nothing: the browser would be signed in unasked.
	for _, headers := range [][]string{{ourHeader + ": -"}, {"Sec-Fetch-Site: cross-site"}, {"Content-Type: text/plain"}} {
		if a := ask(h, "POST", "/ui/sign-in", `{"then":"/ui/"}`, headers...); a.StatusCode != 403 && a.StatusCode != 400 || len(a.Cookies()) > 0 {
			t.Errorf("%v: %d %v", headers, a.StatusCode, a.Cookies())
		}
	}
	if a := ask(h, "POST", "/ui/sign-in/done?state="+login.state+"&code=good", ""); a.StatusCode != 404 || login.redeemed != redeemed {
		t.Errorf("by POST: %d", a.StatusCode)
	}
	login.down = true
	if a := ask(h, "POST", "/ui/sign-in", `{"then":"/ui/"}`); a.StatusCode != 503 || len(a.Cookies()) > 0 {
		t.Errorf("the issuer is away: %d %v", a.StatusCode, a.Cookies())
	}
	// Without an issuer there is none of this.
	h = testConsole(&fakeAPI{})
	if a := ask(h, "POST", "/ui/sign-in", `{"then":"/ui/"}`); a.StatusCode != 404 {
		t.Errorf("no issuer: %d", a.StatusCode)
	}
	if a := ask(h, "GET", "/ui/sign-in/done?state=x&code=good", ""); a.StatusCode != 404 || len(a.Cookies()) > 0 {
		t.Errorf("no issuer: %d %v", a.StatusCode, a.Cookies())
	}
	if a := ask(h, "GET", "/ui/sign-in?fault=denied", "", ourHeader+": -"); a.StatusCode != 200 || !strings.HasPrefix(text(t, a), "<!doctype") {
		t.Errorf("the page: %d", a.StatusCode)
	}
}
