package httpapi

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/store"
)

// TestWhatCannotBeReadIsNotAbsent: of a NIC and a network whose records cannot be read an API
// that has just started knows nothing, and does not say that they are not there.
func TestWhatCannotBeReadIsNotAbsent(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	for _, key := range []string{"nics/n1", "networks/net1"} {
		put := exec.CommandContext(t.Context(), "etcdctl", "--endpoints="+strings.Join(s.config.Endpoints, ","), "put", s.config.Prefix+"policy/"+key, "not JSON")
		put.Env = append(os.Environ(), "ETCDCTL_API=3")
		if out, err := put.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	anew, err := store.Open(t.Context(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { anew.Close() })
	api := serveStore(t, anew, s.tokens)
	awaitLoaded(t, anew)
	for _, r := range []struct{ method, path, body, token string }{
		{"GET", acme + "/nics/n1", "", admin}, {"GET", "/v1/nics/n1", "", admin}, {"GET", acme + "/nics/n1", "", memberAcme}, {"GET", "/v1/networks/net1", "", admin},
		{"PUT", acme + "/nics/n1/security-groups/web", "", memberAcme}, {"DELETE", acme + "/nics/n1/security-groups/web", "", memberAcme},
		{"PUT", acme + "/nics/n1/security-groups", `["web"]`, memberAcme}, {"DELETE", "/v1/nics/n1", "", admin}, {"DELETE", "/v1/networks/net1", "", admin},
		{"GET", acme + "/nics/n1/effective-rules", "", memberAcme}, {"GET", acme + "/nics/n1/security-groups", "", memberAcme},
	} {
		a := api.do(r.method, r.path, r.body, "Authorization: Bearer "+r.token)
		if a.status != 409 || a.text("code") != "record-unreadable" || !strings.Contains(a.text("detail"), "cannot read") {
			t.Errorf("%s %s: %d %s", r.method, r.path, a.status, a.raw)
		}
	}
	for _, path := range []string{acme + "/nics/n9", acme + "/nics/n9/security-groups", "/v1/networks/net9"} {
		if a := api.do("GET", path, ""); a.status != 404 {
			t.Errorf("GET %s: %d %s", path, a.status, a.raw)
		}
	}
}
