package httpapi

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
)

// A trace is read at any API process, by its own account, while the one that
// made it lives.
func TestTracesAreReadAnywhere(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says(inquiry.Allow, same))
	elsewhere := serveStore(t, s.store, filepath.Join(t.TempDir(), "tokens"))
	trace := s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`)
	path := acmeTraces + "/" + trace.text("id")
	if got := elsewhere.do("GET", path, ""); got.status != http.StatusOK || string(got.raw) != string(trace.raw) {
		t.Errorf("elsewhere it is %d %s, here %s", got.status, got.raw, trace.raw)
	}
	for _, other := range []string{"/v1/accounts/bolt/traces/" + trace.text("id"), path + "0", acmeTraces + "/x", acmeTraces + "/x.000000000000", acmeTraces + "/x.a%2Fb000000000"} {
		if got := elsewhere.do("GET", other, ""); got.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", other, got.status, got.raw)
		}
	}
	s.api.Close()
	if got := elsewhere.do("GET", path, ""); got.status != http.StatusNotFound {
		t.Errorf("after its process: %d %s", got.status, got.raw)
	}
}
