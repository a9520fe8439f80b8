package httpapi

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

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
	for _, r := range [][3]string{
		{"GET", acme + "/nics/n1"}, {"GET", "/v1/nics/n1"}, {"GET", acme + "/nics/n1/effective-rules"}, {"GET", acme + "/nics/n1/security-groups"}, {"GET", "/v1/networks/net1"},
		{"PUT", acme + "/nics/n1/security-groups/web"}, {"DELETE", acme + "/nics/n1/security-groups/web"}, {"PUT", acme + "/nics/n1/security-groups", `["web"]`},
		{"DELETE", "/v1/nics/n1"}, {"DELETE", "/v1/networks/net1"},
	} {
		a := api.do(r[0], r[1], r[2])
		if a.status != 409 || a.text("code") != "record-unreadable" || !strings.Contains(a.text("detail"), "cannot read") {
			t.Errorf("%s %s: %d %s", r[0], r[1], a.status, a.raw)
		}
	}
	// Whose the NIC is nobody knows: no account hears of it, and no other than it was asked for.
	for _, token := range []string{memberAcme, memberBolt} {
		for _, account := range []string{"acme", "bolt"} {
			if a := api.do("GET", "/v1/accounts/"+account+"/nics/n1", "", as(token)...); a.status != 404 {
				t.Errorf("GET of account %s by %s: %d %s", account, token, a.status, a.raw)
			}
		}
	}
	if a := api.do("GET", "/v1/accounts/ghost/nics/n1", ""); a.status != 404 {
		t.Errorf("GET of an account that is not there: %d %s", a.status, a.raw)
	}
	// To the first API they are as they were, and what is missing is another thing.
	awaitUnreadable(t, s.store, 2)
	for _, r := range [][2]string{{"DELETE", acme + "/nics/n1/security-groups/nogroup"}, {"PUT", acme + "/security-groups/nogroup/networks/net1"}} {
		if a := s.do(r[0], r[1], ""); a.status != 404 {
			t.Errorf("%s %s: %d %s", r[0], r[1], a.status, a.raw)
		}
	}
	for _, path := range []string{acme + "/nics/n9", acme + "/nics/n9/security-groups", "/v1/networks/net9"} {
		if a := api.do("GET", path, ""); a.status != 404 {
			t.Errorf("GET %s: %d %s", path, a.status, a.raw)
		}
	}
}

// awaitUnreadable waits until a store knows of so many records that it cannot read.
func awaitUnreadable(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(s.Unreadable()) != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("unreadable are %v", s.Unreadable())
		}
	}
}
