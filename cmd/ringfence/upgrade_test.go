package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// What "ringfence cluster upgrade" says of a cluster, and by its exit status: of
// each case the answers of an API, one after the other; "-" is a restart.
func TestClusterUpgrade(t *testing.T) {
	t.Parallel()
	const (
		mixed = `{"level":2,"reads":3,"older_apis_gone":true,"hold":null,"members":[{"kind":"api","id":"a","reads":3},{"kind":"host","id":"h1","reads":2,"version":"0.9"}]}`
		done  = `{"level":3,"reads":3,"older_apis_gone":true,"hold":null,"members":[{"kind":"api","id":"a","reads":3},{"kind":"host","id":"h1","reads":3}]}`
		ready = `{"level":2,"reads":3,"older_apis_gone":true,"hold":null,"members":[{"kind":"api","id":"a","reads":3},{"kind":"host","id":"h1","reads":3}]}`
		held  = `{"level":2,"reads":3,"older_apis_gone":true,"hold":{"level":2,"by":"platform","since":"2026-11-28T10:00:00Z"},"members":[{"kind":"api","id":"a","reads":3},{"kind":"host","id":"h1","reads":3}]}`
		older = `{"level":2,"reads":2,"older_apis_gone":true,"hold":null,"members":[{"kind":"api","id":"a","reads":2},{"kind":"host","id":"h1","reads":3}]}`
	)
	for _, c := range []struct {
		name, flags string
		answers     []string // of GET; the last one for good
		status      int
		says        []string
		asked       string // besides
	}{
		{"it is done", "", []string{done}, failure.ExitDone, []string{"level 3: every host and API understands it"}, ""},
		{"a host is old", "", []string{mixed}, failure.ExitLagging, []string{"level 2 of 3", "NOT NEW", "h1", "0.9"}, ""},
		{"the API that answers is old", "", []string{older}, failure.ExitLagging, []string{"level 2 of 3", "api", "a"}, ""},
		{"one waits, over a restart", "--wait 1m", []string{mixed, "-", ready, done}, failure.ExitDone,
			[]string{"level 2 of 3, 1 of 2 hosts and APIs are new, not host h1", "2 of 2 hosts and APIs are new", "level 3: every host"}, ""},
		{"one waits in vain", "--wait 1s", []string{mixed}, failure.ExitLagging, []string{"not host h1", "NOT NEW"}, ""},
		{"it is held", "--wait 1m", []string{held}, failure.ExitLagging, []string{"level 2 is held by platform since", "--release"}, ""},
		{"hold", "--hold", []string{ready}, failure.ExitDone, []string{"level 2 is held by platform since"}, `PUT /v1/cluster/hold {"level":2}`},
		{"release", "--release --wait 1m", []string{held, ready, done}, failure.ExitDone, []string{"level 3: every host"}, "DELETE /v1/cluster/hold "},
		{"both", "--hold --release", []string{done}, failure.ExitUsage, []string{"--hold and --release"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var gets atomic.Int32
			var asked atomic.Value
			asked.Store("")
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.Method {
				case http.MethodGet:
					if r.URL.Path != "/v1/cluster" {
						w.WriteHeader(http.StatusNotFound)
						return
					}
					n := int(gets.Add(1))
					if answer := c.answers[min(n, len(c.answers))-1]; answer != "-" {
						_, _ = io.WriteString(w, answer)
						return
					}
					w.WriteHeader(http.StatusServiceUnavailable)
				default:
					body, _ := io.ReadAll(r.Body)
					asked.Store(r.Method + " " + r.URL.Path + " " + string(body))
					if r.Method == http.MethodDelete {
						w.WriteHeader(http.StatusNoContent)
						return
					}
					_, _ = io.WriteString(w, held)
				}
			}))
			t.Cleanup(server.Close)
			var out, said bytes.Buffer
			args := append([]string{"cluster", "upgrade", "--server", server.URL}, strings.Fields(c.flags)...)
			if status := run(t.Context(), args, output.Stdio{Out: &out, Err: &said}); status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String()+said.String(), want) {
					t.Errorf("%q is not said:\n%s%s", want, out.String(), said.String())
				}
			}
			if got := asked.Load().(string); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
		})
	}
}
