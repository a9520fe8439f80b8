package httpapi

import (
	"regexp"
	"testing"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// What scrapes the metrics may read them and nothing else, so that its token is
// worth little to who takes it.
func TestTokenForMetrics(t *testing.T) {
	t.Parallel()
	s := world(t)
	names := regexp.MustCompile(`\{[^}]*\}`)
	tried := 0
	for _, r := range routes() {
		path := names.ReplaceAllString(r.path, "acme")
		got := s.do(r.method, path, "", as(scraper)...).status
		switch r.access {
		case transport.Open:
			continue
		case transport.AnyToken, transport.MetricsRead:
			if got != 200 {
				t.Errorf("%s %s: %d, want 200", r.method, path, got)
			}
		default:
			tried++
			if got != 403 && got != 404 { // of accounts it does not even know
				t.Errorf("%s %s: %d, want 403 or 404", r.method, path, got)
			}
		}
	}
	if tried < 60 {
		t.Errorf("tried %d routes only", tried)
	}
}
