package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// TestStaleReads: --stale has lists and objects shown as they were known last, and
// says so; it asks nobody for it who does not take it.
func TestStaleReads(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch stale := r.URL.Query().Get("stale"); {
		case r.URL.Path == "/v1/accounts/acme/nics" && stale == "allow":
			_, _ = w.Write([]byte(`{"items":[{"id":"n1"}],"next_cursor":null,"revision":7,"stale":true,"stale_seconds":90}`))
		case r.URL.Path == "/v1/accounts/acme/nics/n1" && stale == "allow":
			_, _ = w.Write([]byte(`{"id":"n1","stale":true,"stale_seconds":90}`))
		case r.URL.Path == "/v1/cluster" && stale == "allow":
			_, _ = w.Write([]byte(`{"level":3,"reads":3,"stale":true,"stale_seconds":90}`))
		case r.URL.Path == "/v1/realization" && stale == "":
			_, _ = w.Write([]byte(`{"revision":7,"state":"realized","lagging":[]}`))
		case stale == "":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(503)
			_, _ = w.Write([]byte(`{"status":503,"code":"store-unavailable","title":"The store is lost"}`))
		default:
			w.WriteHeader(400)
		}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		args   string
		status int
		says   []string
	}{
		{"nic list --stale", failure.ExitDone, []string{"n1", "stale the store was last heard of 1m30s ago"}},
		{"nic get n1 --stale", failure.ExitDone, []string{"n1", "1m30s"}},
		{"nic list --stale -o json", failure.ExitDone, []string{`"n1"`}},
		{"cluster --stale", failure.ExitDone, []string{"level 3", "1m30s"}},
		{"realization --stale", failure.ExitDone, []string{"realized"}},
		{"nic list", failure.ExitFailed, []string{"store-unavailable"}},
	} {
		var out, said bytes.Buffer
		status := run(t.Context(), append(strings.Fields(c.args), "--account", "acme", "--server", server.URL), output.Stdio{Out: &out, Err: &said})
		if status != c.status {
			t.Errorf("%s: exit status %d", c.args, status)
		}
		for _, want := range c.says {
			if !strings.Contains(out.String()+said.String(), want) {
				t.Errorf("%s: %q is not said:\n%s%s", c.args, want, out.String(), said.String())
			}
		}
	}
}
