package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// Status says what is wrong with the store, shows the hosts as they were known
// last, and does not exit with 0.
func TestStatusOfAStoreInTrouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, code, hosts string
		says              []string
	}{
		{"full", "store-full", `{"items":[{"id":"host-1","alive":true}],"next_cursor":null,"revision":7}`, []string{"store-full", "host-1"}},
		{"lost", "store-unavailable", `{"items":[{"id":"host-1"}],"next_cursor":null,"revision":7,"stale":true,"stale_seconds":90}`,
			[]string{"store-unavailable", "host-1", "last heard of 1m30s ago"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			problem := `{"status":503,"code":"` + c.code + `","detail":"so it is"}`
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/v1/hosts" && r.URL.Query().Get("stale") == "allow":
					io.WriteString(w, c.hosts)
				default:
					w.WriteHeader(http.StatusServiceUnavailable)
					io.WriteString(w, problem)
				}
			}))
			t.Cleanup(server.Close)
			var out, said bytes.Buffer
			status := run(t.Context(), []string{"status", "--server", server.URL}, output.Stdio{Out: &out, Err: &said})
			if status != failure.ExitFailed {
				t.Errorf("exit status %d", status)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String()+said.String(), want) {
					t.Errorf("%q is not said:\n%s%s", want, out.String(), said.String())
				}
			}
		})
	}
}
