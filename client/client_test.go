package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/client"
)

// request is what a server saw.
type request struct {
	Method, URI, Body string
	Header            http.Header
}

// serve starts a server that records its requests and answers with answer.
func serve(t *testing.T, answer http.HandlerFunc, opts ...client.Option) (*client.Client, func(i int) request) {
	t.Helper()
	var (
		mu   sync.Mutex
		seen []request
	)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen = append(seen, request{r.Method, r.RequestURI, string(body), r.Header.Clone()})
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL+"/", "secret", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, func(i int) request {
		mu.Lock()
		defer mu.Unlock()
		return seen[i]
	}
}

func TestCreateRuleSendsSpecAndReadsMeta(t *testing.T) {
	c, seen := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("SG-Revision", "8812")
		w.Header().Set("ETag", `"8812"`)
		w.Header().Set("Preference-Applied", "wait")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":"r1","group":"a/b","protocol":"tcp","port_min":443,"port_max":443,"enabled":true,"effects":{"nics":["n1"]}}`)
	})
	port := 443
	var meta client.Meta
	r, err := c.CreateRule(t.Context(), "acme", "a/b", client.RuleSpec{Direction: "ingress", Protocol: "tcp", PortMin: &port},
		client.Wait(1500*time.Millisecond), client.IfMatch(`"7"`), client.Into(&meta))
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != "r1" || *r.PortMax != 443 || !r.Enabled {
		t.Errorf("rule = %+v", r)
	}
	got := seen(0)
	if got.Method != "POST" || got.URI != "/v1/accounts/acme/security-groups/a%2Fb/rules" {
		t.Errorf("request line: %s %s", got.Method, got.URI)
	}
	if want := `{"direction":"ingress","protocol":"tcp","port_min":443}`; got.Body != want {
		t.Errorf("body %s, want %s", got.Body, want)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer secret", "Prefer": "wait=2", "If-Match": `"7"`, "Content-Type": "application/json",
	} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if meta.Status != 201 || meta.Revision != 8812 || meta.ETag != `"8812"` || !meta.Waited || meta.Effects.NICs[0] != "n1" {
		t.Errorf("meta = %+v", meta)
	}
}

func TestPatchIsMergePatch(t *testing.T) {
	c, seen := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"id":"web"}`) })
	if _, err := c.PatchGroup(t.Context(), "acme", "web", map[string]any{"description": nil}); err != nil {
		t.Fatal(err)
	}
	got := seen(0)
	if ct := got.Header.Get("Content-Type"); ct != "application/merge-patch+json" || got.Body != `{"description":null}` {
		t.Errorf("%s %s", ct, got.Body)
	}
}

func TestListFollowsCursors(t *testing.T) {
	c, seen := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			io.WriteString(w, `{"items":[{"id":"a"},{"id":"b"}],"next_cursor":"p2","revision":5}`)
		case "p2":
			io.WriteString(w, `{"items":[{"id":"c"}],"next_cursor":"","revision":5}`)
		}
	})
	var meta client.Meta
	groups, err := client.Collect(c.Groups(t.Context(), "acme", client.Limit(2), client.Query("name_prefix", "w b"), client.Into(&meta)))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, ids); diff != "" {
		t.Error(diff)
	}
	if uri := seen(1).URI; uri != "/v1/accounts/acme/security-groups?cursor=p2&limit=2&name_prefix=w+b" {
		t.Error(uri)
	}
	var whole struct {
		Items    []struct{ ID string }
		Revision int64
	}
	if err := json.Unmarshal(meta.Raw, &whole); err != nil || len(whole.Items) != 3 || whole.Revision != 5 || meta.Revision != 5 {
		t.Errorf("meta %s: %v", meta.Raw, err)
	}
}

func TestListStopsAtAnExpiredCursor(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			io.WriteString(w, `{"items":[{"id":"a"}],"next_cursor":"old"}`)
			return
		}
		w.WriteHeader(http.StatusGone)
		io.WriteString(w, `{"status":410,"code":"revision-compacted","title":"gone"}`)
	})
	if _, err := client.Collect(c.Groups(t.Context(), "acme")); !client.HasCode(err, "revision-compacted") {
		t.Errorf("err = %v", err)
	}
}

func TestProblem(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(422)
		io.WriteString(w, `{"title":"Invalid","status":422,"code":"invalid-value","errors":[{"pointer":"/port_min","code":"out-of-range","detail":"0 is no port"},{"pointer":"/family","code":"family-mismatch","detail":"x"}]}`)
	})
	_, err := c.Group(t.Context(), "acme", "web")
	var p *client.Problem
	if !errors.As(err, &p) {
		t.Fatalf("err = %v", err)
	}
	want := []client.Fault{{"/port_min", "out-of-range", "0 is no port"}, {"/family", "family-mismatch", "x"}}
	if diff := cmp.Diff(want, p.Errors); diff != "" || p.Status != 422 || p.RetryAfter != 3*time.Second {
		t.Errorf("%+v %s", p, diff)
	}
	if !client.HasCode(err, "out-of-range") || client.HasCode(err, "not-found") || client.IsNotFound(err) {
		t.Error("codes")
	}
}

func TestForeignErrorPage(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway\nmore", 502) })
	_, err := c.Group(t.Context(), "acme", "web")
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 502 || p.Detail != "bad gateway" {
		t.Errorf("err = %#v", err)
	}
}

func TestAnswerThatIsNoJSON(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") })
	_, err := c.Group(t.Context(), "acme", "web")
	var te *client.TransportError
	if !errors.As(err, &te) || te.Op != "GET /v1/accounts/acme/security-groups/web" {
		t.Errorf("err = %v", err)
	}
}

func TestTimeoutAddsTheWait(t *testing.T) {
	release := make(chan struct{})
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		case <-time.After(300 * time.Millisecond):
		}
		io.WriteString(w, `{"state":"realized"}`)
	}, client.WithTimeout(50*time.Millisecond))
	if _, err := c.Group(t.Context(), "acme", "web"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no wait: err = %v", err)
	}
	r, err := c.Realization(t.Context(), 3, 20*time.Second)
	if err != nil || r.State != "realized" {
		t.Errorf("with wait: %+v, %v", r, err)
	}
	close(release)
}

func TestUnixSocket(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(404)
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	c, err := client.New("unix:"+sock, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Ready(t.Context()); !client.IsNotFound(err) {
		t.Errorf("ready: %v", err)
	}
}

func TestNewRefusesWhatIsNoBaseURL(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:8080", "localhost:8080", "ftp://x", "http://", "::"} {
		if _, err := client.New(bad, ""); err == nil {
			t.Errorf("New(%q) took it", bad)
		}
	}
}
