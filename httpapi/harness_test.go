package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/store"
)

// The tokens of a test server.
const (
	admin      = "admin-secret"  // of the platform
	viewerAll  = "viewer-secret" // of all accounts
	memberAcme = "acme-secret"
	viewerAcme = "acme-viewer"
	memberBolt = "bolt-secret"
	scraper    = "metrics-secret"
)

// server is an API on a store of its own.
type server struct {
	t     testing.TB
	url   string
	api   *API
	store *store.Store
	log   *bytes.Buffer

	config store.Config
	tokens string // their file
}

func serve(tb testing.TB) *server {
	tb.Helper()
	dir, err := os.MkdirTemp("", "api") // short enough for the socket of TestKilledAPIsLoseNothing
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	cfg := etcdtest.Config(tb)
	cfg.Logger = quiet()
	cfg.ProbeTimeout, cfg.RequestTimeout = time.Minute, time.Minute // however slow the machine is
	s, err := store.Open(ctx, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	out := serveStore(tb, s, filepath.Join(dir, "tokens"))
	awaitLoaded(tb, s)
	out.config = cfg
	return out
}

// awaitLoaded waits until a store has been loaded, for which a request waits no longer
// than contactGrace.
func awaitLoaded(tb testing.TB, s *store.Store) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	if err := s.Sync(ctx); err != nil {
		tb.Fatal(err)
	}
	if err := s.WaitHosts(ctx, func([]store.HostStatus) bool { return true }); err != nil {
		tb.Fatal(err)
	}
}

// serveStore starts an API on a store.
func serveStore(tb testing.TB, s *store.Store, tokenPath string) *server {
	tb.Helper()
	writeTokens(tb, tokenPath, map[string]tokens.Identity{
		admin:      {Name: "platform", Account: tokens.AllAccounts, Role: tokens.Admin},
		viewerAll:  {Name: "support", Account: tokens.AllAccounts, Role: tokens.Viewer},
		memberAcme: {Name: "acme", Account: "acme", Role: tokens.Member},
		viewerAcme: {Name: "acme-eyes", Account: "acme", Role: tokens.Viewer},
		memberBolt: {Name: "bolt", Account: "bolt", Role: tokens.Member},
		scraper:    {Name: "prometheus", Account: tokens.AllAccounts, Role: tokens.Metrics},
	})
	out := &server{t: tb, store: s, log: &bytes.Buffer{}, tokens: tokenPath}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the API's log:\n%s", out.log)
		}
	})
	logger := slog.New(slog.NewTextHandler(out.log, nil))
	tokens, err := tokens.Open(tokenPath, logger)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { tokens.Close() })
	out.api = New(Config{Store: s, Tokens: tokens, Logger: logger})
	out.api.traces.Timeout = time.Minute // however slow the machine is
	tb.Cleanup(out.api.Close)
	web := httptest.NewServer(out.api)
	tb.Cleanup(web.Close)
	out.url = web.URL
	return out
}

func writeTokens(tb testing.TB, path string, tokens map[string]tokens.Identity) {
	tb.Helper()
	var b strings.Builder
	for secret, who := range tokens {
		hash := sha256.Sum256([]byte(secret))
		line, err := json.Marshal(map[string]any{"token_sha256": hex.EncodeToString(hash[:]), "account": who.Account, "role": who.Role, "name": who.Name})
		if err != nil {
			tb.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any // nil if it is no JSON object
}

// do sends a request with the admin's token; headers are "Name: value".
func (s *server) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+admin)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if value == "" {
			req.Header.Del(name)
		} else {
			req.Header.Set(name, value)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: raw}
	_ = json.Unmarshal(raw, &a.body) // or it is no object
	conforms(s.t, req, body, a)
	return a
}

// must sends a request that has to have one of the statuses 200, 201 and 204.
func (s *server) must(method, path, body string, headers ...string) answer {
	s.t.Helper()
	a := s.do(method, path, body, headers...)
	if a.status != 200 && a.status != 201 && a.status != 204 {
		s.t.Fatalf("%s %s %s: %d %s", method, path, body, a.status, a.raw)
	}
	return a
}

// at follows a path of field names and indexes into the body.
func (a answer) at(path ...any) any {
	var v any = a.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// text is at, printed; lists and objects as JSON.
func (a answer) text(path ...any) string {
	switch v := a.at(path...).(type) {
	case string:
		return v
	case nil:
		return "null"
	case float64:
		return fmt.Sprint(int64(v))
	default:
		b, _ := json.Marshal(v)
		return string(b)
	}
}

// want fails the test unless the body's fields are these, as text prints them.
func (a answer) want(t *testing.T, fields map[string]string) {
	t.Helper()
	for path, want := range fields {
		var p []any
		for part := range strings.SplitSeq(path, ".") {
			if n := 0; len(part) > 0 && part[0] >= '0' && part[0] <= '9' {
				fmt.Sscan(part, &n)
				p = append(p, n)
			} else {
				p = append(p, part)
			}
		}
		if got := a.text(p...); got != want {
			t.Errorf("%s is %s, want %s, in %s", path, got, want, a.raw)
		}
	}
}
