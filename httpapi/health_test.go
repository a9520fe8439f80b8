package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

func TestHealthNeedsNoToken(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready"} {
		s.must("GET", path, "", "Authorization: ").want(t, map[string]string{"status": want})
	}
	doc := s.must("GET", "/openapi.json", "", "Authorization: ")
	doc.want(t, map[string]string{"openapi": "3.1.0", "info.title": "Ringfence"})
	if a := s.do("GET", "/openapi.json", "", "If-None-Match: "+doc.header.Get("ETag")); a.status != 304 {
		t.Errorf("description again: %d", a.status)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.do("GET", groups+"/ghost", "")
	s.do("BREW", groups, "")
	text := string(s.must("GET", "/metrics", "").raw)
	for _, want := range []string{
		`ringfence_http_requests_total{method="PUT",route="/v1/nics/{nic}",status="201"} 3`,
		`ringfence_http_requests_total{method="GET",route="/v1/accounts/{account}/security-groups/{group}",status="404"} 1`,
		`ringfence_http_requests_total{method="other",route="none",status="405"} 1`,
		"ringfence_http_request_seconds_bucket", "ringfence_store_stale 0", "ringfence_hosts 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for given, taken := range map[string]bool{"my-id.1": true, "two words": false, strings.Repeat("x", 65): false} {
		a := s.do("GET", "/v1/nothing", "", "X-Request-Id: "+given)
		got := a.header.Get("X-Request-Id")
		if (got == given) != taken || got == "" || a.text("request_id") != got {
			t.Errorf("given %q, got %q and %s", given, got, a.raw)
		}
	}
}

// An object of another account and one that does not exist are answered alike.
func TestForeignAndAbsentAreTheSame(t *testing.T) {
	t.Parallel()
	s := used(t)
	same := func(a answer) string {
		delete(a.body, "instance")
		delete(a.body, "request_id")
		b, _ := json.Marshal(a.body)
		return string(b)
	}
	want := same(s.do("GET", groups+"/ghost", "", as(memberAcme)...))
	for _, path := range []string{
		"/v1/accounts/bolt", "/v1/accounts/ghost", "/v1/accounts/bolt/security-groups/theirs", "/v1/accounts/bolt/nics/b1",
		"/v1/accounts/ghost/nics/b1", acme + "/nics/b1", acme + "/security-groups/theirs", acme + "/nics/b1/effective-rules",
	} {
		if got := same(s.do("GET", path, "", as(memberAcme)...)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	// A member has its own account, a viewer reads it, and a token for all reads all.
	s.must("PUT", groups+"/mine", `{"name":"mine"}`, as(memberAcme)...)
	s.must("GET", groups+"/mine", "", as(viewerAcme)...)
	s.must("GET", "/v1/networks", "", as(viewerAll)...)
	s.must("GET", "/v1/accounts/bolt/security-groups", "", as(viewerAll)...)
}

func TestLostStore(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	etcd := etcdtest.Start(t)
	cfg := etcd.Config()
	cfg.Logger, cfg.ProbeInterval, cfg.ProbeTimeout, cfg.RequestTimeout = quiet(), 200*time.Millisecond, 500*time.Millisecond, time.Second
	st, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := serveStore(t, st, filepath.Join(dir, "tokens"))
	deadline := time.Now().Add(2 * time.Minute)
	for s.do("PUT", acme, `{}`).status/100 != 2 { // a busy machine needs more than the second of RequestTimeout
		if time.Now().After(deadline) {
			t.Fatal("the store takes no write")
		}
	}
	if err := etcd.Stop(); err != nil {
		t.Fatal(err)
	}
	for deadline = time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, stale := st.Stale(); stale {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the store is not said to be lost")
		}
	}
	for _, r := range [][3]string{{"GET", groups, ""}, {"PUT", web, `{"name":"web"}`}, {"GET", "/readyz", ""}, {"GET", "/v1/realization", ""}} {
		a := s.do(r[0], r[1], r[2])
		if a.status != 503 || a.text("code") != "store-unavailable" || a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", r[0], r[1], a.status, a.raw)
		}
	}
	// What is known is told to who asks for it, with its age; what the hosts or the
	// store would have to be asked for is not.
	for path, member := range map[string]string{groups: "items", "/v1/hosts": "items", acme: "id", acme + "/nics": "items", "/v1/cluster": "members"} {
		a := s.must("GET", path+"?stale=allow", "")
		if age, _ := a.body["stale_seconds"].(float64); a.body["stale"] != true || age <= 0 || age > 3600 || a.body[member] == nil || a.header.Get("ETag") != "" {
			t.Errorf("%s: %s, tag %q", path, a.raw, a.header.Get("ETag"))
		}
	}
	for path, status := range map[string]int{
		groups + "?stale=true": 400, "/v1/realization?stale=allow": 400, acme + "/audit?stale=allow": 400,
		groups + "/ghost?stale=allow": 404, groups + "?limit=1&stale=allow": 200,
	} {
		if a := s.do("GET", path, ""); a.status != status {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.raw, status)
		}
	}
	text := string(s.must("GET", "/metrics", "").raw)
	for _, want := range []string{"ringfence_store_stale 1", `ringfence_store_trouble{condition="unavailable"} 1`, `ringfence_store_trouble{condition="full"} 0`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	s.must("GET", "/healthz", "")
	if a := s.do("GET", groups, "", "Authorization: "); a.status != 401 {
		t.Errorf("without a token: %d", a.status)
	}
}

// brokenStore fails, or panics, in a way that nobody thought of.
type brokenStore struct {
	Store
	panics bool
}

func (b brokenStore) Read(context.Context, func(*secgroup.Snapshot) error) error {
	if b.panics {
		panic("secret: index out of range")
	}
	return errors.New("secret: disk on fire")
}

func TestInternalErrorsAreLoggedNotTold(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, panics := range []bool{false, true} {
		s.api.store = brokenStore{s.store, panics}
		a := s.do("GET", "/v1/accounts", "")
		if a.status != 500 || a.text("code") != "internal-error" || strings.Contains(string(a.raw), "secret") {
			t.Errorf("%d %s", a.status, a.raw)
		}
		for _, token := range []string{admin, "guessed-token"} {
			s.do("POST", "/v1/accounts?token="+token, `{"token":"`+token+`"}`, "Authorization: Bearer "+token, "Idempotency-Key: "+token)
			if strings.Contains(s.log.String(), token) {
				t.Errorf("the log has a token:\n%s", s.log)
			}
		}
		if !strings.Contains(s.log.String(), "secret") || !strings.Contains(s.log.String(), a.header.Get("X-Request-Id")) {
			t.Errorf("log:\n%s", s.log)
		}
	}
}
