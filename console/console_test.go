package console

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// fakeAPI knows two tokens, one of which may be revoked, and remembers what it
// was asked.
type fakeAPI struct {
	revoked bool
	busy    bool
	asked   []*http.Request
	bodies  []string
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.asked, f.bodies = append(f.asked, r), append(f.bodies, string(body))
	who := map[string]string{
		"Bearer acme-secret":  `{"name":"ci","account":"acme","role":"member"}`,
		"Bearer admin-secret": `{"name":"ops","account":"*","role":"admin"}`,
		"Bearer scraper":      `{"name":"prometheus","account":"*","role":"metrics"}`,
	}[r.Header.Get("Authorization")]
	w.Header().Set("Cache-Control", "no-cache")
	switch {
	case f.busy:
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusTooManyRequests)
	case who == "" || f.revoked:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"code":"unauthenticated"}`)
	case r.URL.Path == "/v1/whoami":
		_, _ = io.WriteString(w, who)
	case r.URL.Path == "/v1/stream":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
	default:
		w.Header().Set("Location", "/v1/things/1")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "made")
	}
}

var testPages = fstest.MapFS{
	"index.html":           {Data: []byte(`<!doctype html><script type="module" src="/ui/assets/index-1a2b.js"></script>`)},
	"assets/index-1a2b.js": {Data: []byte(strings.Repeat("console.log(1);", 100))},
	"licences.txt":         {Data: []byte("MIT")},
}

func testConsole(api http.Handler) http.Handler {
	return handler(api, Options{Version: "1.2", TokenFile: "/var/lib/ringfence/admin.token"}, testPages)
}

// ask makes a request as the pages do: headers are "Name: value", and take a
// header away if the value is "-".
func ask(h http.Handler, method, path, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set(ourHeader, "1")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Del(name)
		if value != "-" {
			r.Header.Set(name, value)
		}
	}
	if r.Header.Get("X-Under-TLS") != "" {
		r.TLS = &tls.ConnectionState{}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, a *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// signedIn returns the cookie of a session, as a header.
func signedIn(t *testing.T, h http.Handler, token string, headers ...string) string {
	t.Helper()
	a := ask(h, "POST", "/ui/session", fmt.Sprintf(`{"token":%q}`, token), headers...)
	if a.StatusCode != 200 || len(a.Cookies()) != 1 {
		t.Fatalf("sign-in: %d %v %s", a.StatusCode, a.Cookies(), text(t, a))
	}
	return "Cookie: " + a.Cookies()[0].Name + "=" + a.Cookies()[0].Value
}

func TestSession(t *testing.T) {
	t.Parallel()
	api := &fakeAPI{}
	h := testConsole(api)
	who := func(cookie string) *identity {
		t.Helper()
		a := ask(h, "GET", "/ui/session", "", cookie)
		var s sessionJSON
		if err := json.NewDecoder(a.Body).Decode(&s); err != nil || a.StatusCode != 200 || s.Version != "1.2" || *s.SignIn.TokenFile == "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %+v %v", a.StatusCode, s, err)
		}
		return s.Identity
	}
	if got := who("Cookie: -"); got != nil || len(api.asked) != 0 {
		t.Errorf("nobody is %+v", got)
	}
	cookie := signedIn(t, h, " acme-secret\n")
	if got := who(cookie); got == nil || *got != (identity{"ci", "acme", "member"}) {
		t.Errorf("signed in as %+v", got)
	}
	api.busy = true
	if a := ask(h, "GET", "/ui/session", "", cookie); a.StatusCode != 429 || a.Header.Get("Retry-After") != "3" {
		t.Errorf("the API is busy: %d", a.StatusCode)
	}
	if a := ask(h, "POST", "/ui/session", `{"token":"acme-secret"}`); a.StatusCode != 429 || len(a.Cookies()) > 0 {
		t.Errorf("the API is busy: %d %v", a.StatusCode, a.Cookies())
	}
	api.busy, api.revoked = false, true
	if got := who(cookie); got != nil {
		t.Errorf("a revoked token is %+v", got)
	}
	if a := ask(h, "GET", "/ui/api/v1/things", "", cookie); a.StatusCode != 401 {
		t.Errorf("a revoked token: %d", a.StatusCode)
	}
	if a := ask(h, "POST", "/ui/session", `{"token":"acme-secret"}`); a.StatusCode != 401 || len(a.Cookies()) > 0 {
		t.Errorf("sign-in with a revoked token: %d %v", a.StatusCode, a.Cookies())
	}
	if a := ask(h, "DELETE", "/ui/session", "", cookie); a.StatusCode != 204 || a.Cookies()[0].MaxAge >= 0 || a.Cookies()[0].Value != "" || a.Cookies()[0].Path != "/ui/" {
		t.Errorf("sign-out: %d %v", a.StatusCode, a.Cookies())
	}
	if a := ask(h, "PUT", "/ui/session", `{}`, cookie); a.StatusCode != 405 {
		t.Errorf("PUT: %d", a.StatusCode)
	}
}

// The cookie is one that scripts do not see; of a session under TLS nothing goes
// without, and neither the network nor another host of the domain can plant one.
func TestCookie(t *testing.T) {
	t.Parallel()
	h := testConsole(&fakeAPI{})
	for _, c := range []struct{ header, want string }{
		{"X-Nothing: 1", "ringfence=YWNtZS1zZWNyZXQ; Path=/ui/; HttpOnly; SameSite=Strict"},
		{"X-Under-TLS: 1", "__Host-ringfence=YWNtZS1zZWNyZXQ; Path=/; HttpOnly; Secure; SameSite=Strict"},
		{"X-Forwarded-Proto: https", "__Host-ringfence=YWNtZS1zZWNyZXQ; Path=/; HttpOnly; Secure; SameSite=Strict"},
	} {
		a := ask(h, "POST", "/ui/session", `{"token":"acme-secret"}`, c.header)
		if got := a.Header.Get("Set-Cookie"); got != c.want {
			t.Errorf("%s: %s", c.header, got)
		}
	}
	// What was given in the clear counts in the clear alone.
	plain := signedIn(t, h, "acme-secret")
	if a := ask(h, "GET", "/ui/api/v1/things", "", plain, "X-Under-TLS: 1"); a.StatusCode != 401 {
		t.Errorf("a cookie without TLS under TLS: %d", a.StatusCode)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	api := &fakeAPI{}
	h := testConsole(api)
	for _, body := range []string{
		``, `{}`, `{"token":""}`, `{"token":"  "}`, `{"token":"two words"}`, `{"token":"new\nline"}`, `{"token":"grün"}`, `{"token":5}`, `{"token":"a","more":1}`, `[]`, `no`,
		`{"token":"` + strings.Repeat("x", maxToken+1) + `"}`, `{"token":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		a := ask(h, "POST", "/ui/session", body, "Content-Type: application/json")
		if a.StatusCode != 400 || len(a.Cookies()) > 0 || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%.40s: %d %v", body, a.StatusCode, a.Cookies())
		}
	}
	if len(api.asked) > 0 {
		t.Errorf("the API was asked %d times", len(api.asked))
	}
	if a := ask(h, "POST", "/ui/session", `{"token":"acme-secret"}`, "Content-Type: text/plain"); a.StatusCode != 400 {
		t.Errorf("a form's body: %d", a.StatusCode)
	}
	if a := ask(h, "POST", "/ui/session", `{"token":"`+strings.Repeat("x", maxToken)+`"}`); a.StatusCode != 401 {
		t.Errorf("a long token that is nobody's: %d", a.StatusCode)
	}
	if a := ask(h, "POST", "/ui/session", `{"token":"scraper"}`); a.StatusCode != 403 || len(a.Cookies()) > 0 {
		t.Errorf("a token for metrics: %d %v", a.StatusCode, a.Cookies())
	}
}

// Whatever a page of another origin can have a browser send, with the cookie of
// whoever is signed in, is refused before the API sees it.
func TestRequestsOfOtherPages(t *testing.T) {
	t.Parallel()
	api := &fakeAPI{}
	h := testConsole(api)
	cookie := signedIn(t, h, "admin-secret")
	api.asked = nil
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, path := range []string{"/ui/session", "/ui/api/v1/things", "/ui/api/v1/accounts/acme/events"} {
			for name, headers := range map[string][]string{
				"a form, an image or a link":    {ourHeader + ": -", "Sec-Fetch-Site: -"},
				"a form of the same origin":     {ourHeader + ": -"},
				"another site":                  {"Sec-Fetch-Site: cross-site"},
				"another port of the same host": {"Sec-Fetch-Site: same-site"},
				"an old browser, another site":  {"Sec-Fetch-Site: -", "Origin: https://evil.example"},
				"a sandboxed frame":             {"Sec-Fetch-Site: -", "Origin: null"},
				"an old browser, another port":  {"Sec-Fetch-Site: -", "Origin: http://example.com:81"},
			} {
				a := ask(h, method, path, "", append(headers, cookie)...)
				if a.StatusCode != 403 || len(a.Cookies()) > 0 || a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("Access-Control-Allow-Headers") != "" {
					t.Errorf("%s, %s %s: %d %v", name, method, path, a.StatusCode, a.Header)
				}
			}
		}
	}
	if len(api.asked) > 0 {
		t.Errorf("the API was asked %d times", len(api.asked))
	}
	// An old browser names the origin of the pages themselves.
	if a := ask(h, "POST", "/ui/api/v1/things", "{}", cookie, "Sec-Fetch-Site: -", "Origin: http://example.com"); a.StatusCode != 201 {
		t.Errorf("the pages in an old browser: %d", a.StatusCode)
	}
}

// What the pages ask is what the API is asked: with the token of the session
// and no other, and without the cookie.
func TestForward(t *testing.T) {
	t.Parallel()
	api := &fakeAPI{}
	h := testConsole(api)
	cookie := signedIn(t, h, "acme-secret")
	a := ask(h, "POST", "/ui/api/v1/accounts/a%2Fb/x?dry_run=true", `{"a":1}`, cookie, "Authorization: Bearer admin-secret", "If-Match: x")
	got := api.asked[len(api.asked)-1]
	if a.StatusCode != 201 || text(t, a) != "made" || a.Header.Get("Location") != "/ui/api/v1/things/1" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if got.Method != "POST" || got.URL.Path != "/v1/accounts/a/b/x" || got.URL.EscapedPath() != "/v1/accounts/a%2Fb/x" || got.RequestURI != "/v1/accounts/a%2Fb/x?dry_run=true" ||
		got.URL.Query().Get("dry_run") != "true" || got.Header.Get("If-Match") != "x" || api.bodies[len(api.bodies)-1] != `{"a":1}` {
		t.Errorf("%s %s %v", got.Method, got.RequestURI, got.Header)
	}
	if !slices.Equal(got.Header["Authorization"], []string{"Bearer acme-secret"}) || got.Header.Get("Cookie") != "" {
		t.Errorf("%v", got.Header)
	}
	// Without a session a token of one's own is none.
	if a := ask(h, "GET", "/ui/api/v1/things", "", "Authorization: Bearer admin-secret"); a.StatusCode != 401 {
		t.Errorf("a token without a session: %d", a.StatusCode)
	}
	for _, broken := range []string{"ringfence=%%%", "ringfence=", "ringfence=YWNtZQ==", "other=YWNtZS1zZWNyZXQ"} {
		if a := ask(h, "GET", "/ui/api/v1/things", "", "Cookie: "+broken); a.StatusCode != 401 {
			t.Errorf("cookie %s: %d", broken, a.StatusCode)
		}
	}
	asked := len(api.asked)
	for _, path := range []string{"/ui/api", "/ui/api/", "/ui/api/metrics", "/ui/api/v1", "/ui/api//v1/things", "/ui/api/../v1/things", "/ui/api/healthz", "/ui/%61pi/v1/a%2Fb"} {
		if a := ask(h, "GET", path, "", cookie); a.StatusCode != 404 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if len(api.asked) != asked {
		t.Error("the API was asked what is not its /v1/")
	}
	if a := ask(h, "GET", "/ui/api/v1/stream", "", cookie); a.StatusCode != 200 || text(t, a) != "data: one\n\n" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a stream: %d", a.StatusCode)
	}
}

// The cookie is the console's: the API beside it is given it and takes no
// notice, and everything that is not below /ui/ goes there as it came.
func TestTheAPIBesideIt(t *testing.T) {
	t.Parallel()
	api := &fakeAPI{}
	h := testConsole(api)
	cookie := signedIn(t, h, "admin-secret")
	if a := ask(h, "GET", "/v1/things", "", cookie); a.StatusCode != 401 {
		t.Errorf("/v1 with a cookie: %d", a.StatusCode)
	}
	for _, path := range []string{"/", "/v1//x", "/v1/../ui/session", "/uix", "/openapi.json"} {
		a := ask(h, "DELETE", path, "", ourHeader+": -", "Authorization: Bearer acme-secret")
		if got := api.asked[len(api.asked)-1]; a.StatusCode != 201 || got.URL.Path != path || a.Header.Get("Content-Security-Policy") != "" {
			t.Errorf("%s: %d, asked %s", path, a.StatusCode, got.URL.Path)
		}
	}
	if a := ask(h, "GET", "/ui", ""); a.StatusCode != 301 || a.Header.Get("Location") != "/ui/" {
		t.Errorf("/ui: %d", a.StatusCode)
	}
}
