package httpapi

import (
	"net/http/httptest"
	"testing"
)

// Every token is told whose it is, also by an API whose store is lost.
func TestWhoAmI(t *testing.T) {
	t.Parallel()
	s := serve(t)
	lost := New(Config{Store: sickStore{s.store, true}, Tokens: s.api.tokens, Logger: quiet(), Version: "1.2.3"})
	t.Cleanup(lost.Close)
	web := httptest.NewServer(lost)
	t.Cleanup(web.Close)
	for _, api := range []struct{ url, version string }{{s.url, ""}, {web.URL, "1.2.3"}} {
		s.url = api.url
		for token, want := range map[string][3]string{
			admin: {"platform", "*", "admin"}, viewerAll: {"support", "*", "viewer"},
			memberAcme: {"acme", "acme", "member"}, viewerAcme: {"acme-eyes", "acme", "viewer"},
		} {
			a := s.do("GET", whoamiPath, "", as(token)...)
			if got := [3]string{a.text("name"), a.text("account"), a.text("role")}; a.status != 200 || got != want {
				t.Errorf("%s: %d %v, want %v", token, a.status, got, want)
			}
			if v := a.text("version"); v != api.version {
				t.Errorf("%s: version %q, want %q", token, v, api.version)
			}
		}
		for _, headers := range [][]string{as("nobody"), {"Authorization: "}, {"Authorization: Basic " + admin}} {
			if a := s.do("GET", whoamiPath, "", headers...); a.status != 401 || a.text("code") != "unauthenticated" {
				t.Errorf("%v: %d %s", headers, a.status, a.raw)
			}
		}
	}
}
