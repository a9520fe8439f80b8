package httpapi

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What another account has and what nobody has is answered the same, but for
// the path and the id of the request. How long both take is logged: a test that
// failed on it would fail on busy machines.
func TestForeignIsAbsent(t *testing.T) {
	t.Parallel()
	s := used(t)
	s.must("PUT", "/v1/accounts/bolt/instances/bolt-vm", `{}`)
	s.must("PUT", "/v1/accounts/bolt/security-groups/theirs/rules/r", `{"direction":"ingress","protocol":"tcp"}`)
	vary := regexp.MustCompile(`"(instance|request_id)":"[^"]*"`)
	ask := func(method, path, body string) (status int, said string, took time.Duration) {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+memberAcme)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		begun := time.Now()
		s.api.ServeHTTP(w, req)
		took = time.Since(begun)
		return w.Code, vary.ReplaceAllString(w.Body.String(), ""), took
	}
	times := 200 // for the medians
	if testing.Short() {
		times = 10
	}
	for _, c := range []struct{ name, method, foreign, absent, body string }{
		{"account", "GET", "/v1/accounts/bolt", "/v1/accounts/ghost", ""},
		{"list", "GET", "/v1/accounts/bolt/security-groups", "/v1/accounts/ghost/security-groups", ""},
		{"group", "GET", "/v1/accounts/bolt/security-groups/theirs", "/v1/accounts/bolt/security-groups/ghost", ""},
		{"group by an own path", "GET", groups + "/theirs", groups + "/ghost", ""},
		{"group by its full name", "GET", groups + "/bolt%2Ftheirs", groups + "/bolt%2Fghost", ""},
		{"group changed", "PATCH", "/v1/accounts/bolt/security-groups/theirs", "/v1/accounts/bolt/security-groups/ghost", `{"name":"mine"}`},
		{"group deleted", "DELETE", "/v1/accounts/bolt/security-groups/theirs", "/v1/accounts/bolt/security-groups/ghost", ""},
		{"rule", "GET", "/v1/accounts/bolt/security-groups/theirs/rules/r", "/v1/accounts/bolt/security-groups/theirs/rules/ghost", ""},
		{"NIC by an own path", "GET", acme + "/nics/b1", acme + "/nics/ghost", ""},
		{"NIC's rules", "GET", acme + "/nics/b1/effective-rules", acme + "/nics/ghost/effective-rules", ""},
		{"NIC attached", "PUT", acme + "/nics/b1/security-groups/web", acme + "/nics/ghost/security-groups/web", ""},
		{"NIC's groups", "PUT", acme + "/nics/b1/security-groups", acme + "/nics/ghost/security-groups", `["web"]`},
		{"group attached", "PUT", acme + "/nics/n1/security-groups/bolt%2Ftheirs", acme + "/nics/n1/security-groups/bolt%2Fghost", ""},
		{"group detached", "DELETE", acme + "/nics/n1/security-groups/bolt%2Ftheirs", acme + "/nics/n1/security-groups/bolt%2Fghost", ""},
		{"instance", "GET", acme + "/instances/bolt-vm", acme + "/instances/ghost", ""},
		{"events", "GET", "/v1/accounts/bolt/events", "/v1/accounts/ghost/events", ""},
		{"audit", "GET", "/v1/accounts/bolt/audit", "/v1/accounts/ghost/audit", ""},
	} {
		var took [2][]time.Duration
		for range times {
			var said [2]string
			for i, path := range []string{c.foreign, c.absent} {
				status, body, d := ask(c.method, path, c.body)
				if status != http.StatusNotFound {
					t.Fatalf("%s: %s %s: %d %s", c.name, c.method, path, status, body)
				}
				said[i], took[i] = body, append(took[i], d)
			}
			if said[0] != said[1] {
				t.Fatalf("%s: %s\nis told from %s", c.name, said[0], said[1])
			}
		}
		median := func(all []time.Duration) time.Duration { slices.Sort(all); return all[len(all)/2] }
		a, b := median(took[0]), median(took[1])
		t.Logf("%-24s foreign %v, absent %v: ratio %.2f", c.name, a, b, float64(a)/float64(b))
	}
	// Values too, where they name what another has.
	for _, name := range []string{"bolt/theirs", "bolt/ghost", "ghost/theirs"} {
		_, said, _ := ask("POST", rules, `{"direction":"ingress","protocol":"tcp","remote_group":"`+name+`"}`)
		if _, want, _ := ask("POST", rules, `{"direction":"ingress","protocol":"tcp","remote_group":"nobody/nothing"}`); said != want {
			t.Errorf("remote group %s: %s, want %s", name, said, want)
		}
		_, said, _ = ask("PUT", acme+"/nics/n1/security-groups", `["`+name+`"]`)
		if _, want, _ := ask("PUT", acme+"/nics/n1/security-groups", `["nobody/nothing"]`); said != want {
			t.Errorf("attached group %s: %s, want %s", name, said, want)
		}
	}
}
