package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/console"
	"github.com/ringfence/ringfence/httpapi"
	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/internal/issuertest"
	"github.com/ringfence/ringfence/store"
)

// An API that starts while its issuer is away serves the file's tokens, lets
// nobody in by the issuer, and takes its tokens as soon as it is back; people
// sign in there at the console.
func TestIssuerBesideTheTokenFile(t *testing.T) {
	t.Parallel()
	from := issuertest.New(t)
	from.Down(true)
	s, err := store.Open(t.Context(), etcdtest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file := filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(file, testTokens(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer web.Close()
	flags := oidcFlags{
		OIDCIssuer: from.URL, OIDCAudience: []string{"ringfence"}, OIDCGrant: []string{"groups=dev:acme/member", "sub=root:*/admin"}, OIDCNameClaim: "sub",
		OIDCAlgorithm: []string{"ES256"}, OIDCSkew: time.Second, OIDCClientID: from.Client, OIDCConsole: web.URL + "/ui/",
	}
	log := slog.New(slog.DiscardHandler)
	oidc, err := flags.config(log, certfile.NewSet(log))
	if err != nil {
		t.Fatal(err)
	}
	registry := newRegistry()
	api, err := openAPI(httpapi.Config{Store: s, Logger: log, Registry: registry}, file, oidc)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	go api.Run(t.Context())
	handler = (&consoleFlags{Console: true}).serve(api, console.Options{Login: api.login()})

	ask := func(token, path string) (status int, body map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", web.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		_ = json.NewDecoder(a.Body).Decode(&body) // metrics are no JSON
		return a.StatusCode, body
	}
	dev := from.Token(map[string]any{"groups": []string{"dev"}})
	nobody := from.Token(nil)
	if status, body := ask("platform-token", "/v1/whoami"); status != 200 || body["name"] != "platform-token" {
		t.Fatalf("a token of the file while the issuer is away: %d %v", status, body)
	}
	for _, token := range []string{dev, nobody} {
		if status, body := ask(token, "/v1/whoami"); status != 503 || body["code"] != "issuer-unavailable" {
			t.Errorf("a token of the issuer while it is away: %d %v", status, body)
		}
	}
	if status, _ := ask("rf_unknown", "/v1/whoami"); status != 401 {
		t.Errorf("an unknown token: %d", status)
	}
	from.Down(false)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		status, body := ask(dev, "/v1/whoami")
		if status == 200 && body["name"] == "oidc:alice" && body["account"] == "acme" && body["role"] == "member" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the issuer is back: %d %v", status, body)
		}
	}
	for path, want := range map[string]int{"/v1/accounts/other/nics": 404, "/v1/hosts": 403} {
		if status, _ := ask(dev, path); status != want {
			t.Errorf("%s by a member of acme: %d", path, status)
		}
	}
	if status, body := ask(nobody, "/v1/whoami"); status != 401 || !strings.Contains(body["detail"].(string), "nothing is granted") {
		t.Errorf("nothing granted: %d %v", status, body)
	}
	expired := from.Token(map[string]any{"groups": "dev", "exp": time.Now().Add(-time.Hour).Unix()})
	if status, body := ask(expired, "/v1/whoami"); status != 401 || !strings.Contains(body["detail"].(string), "expired") {
		t.Errorf("expired: %d %v", status, body)
	}

	// At the console, as a browser: there, back, and in.
	from.Person(map[string]any{"sub": "root"})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	defer browser.CloseIdleConnections()
	own := func(method, path, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Ringfence-Console", "1")
		r.Header.Set("Content-Type", "application/json")
		a, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var begun struct{ Location string }
	if err := json.Unmarshal([]byte(own("POST", "/ui/sign-in", `{"then":"/ui/hosts"}`)), &begun); err != nil {
		t.Fatal(err)
	}
	a, err := browser.Get(begun.Location)
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	if at := a.Request.URL; at.Path != "/ui/hosts" || at.RawQuery != "" {
		t.Errorf("the browser ends at %s", at)
	}
	if who := own("GET", "/ui/session", ""); !strings.Contains(who, `"name":"oidc:root","account":"*","role":"admin"`) {
		t.Errorf("signed in as %s", who)
	}
	own("DELETE", "/ui/session", "")
	u, err := url.Parse(web.URL + "/ui/session")
	if err != nil {
		t.Fatal(err)
	}
	if left := jar.Cookies(u); len(left) > 0 {
		t.Errorf("signed out, with %v", left)
	}
}
