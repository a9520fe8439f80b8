package httpapi

import (
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// An account that calls too often is told when to come again; others and the
// platform are not held up.
func TestRateLimitPerAccount(t *testing.T) {
	t.Parallel()
	s := world(t)
	now := time.Unix(1000, 0)
	s.api.now = func() time.Time { return now }
	s.api.rates = transport.NewRates(transport.RateLimit{PerSecond: 0.5, Burst: 3})
	as := func(token string) answer { return s.do("GET", acme, "", "Authorization: Bearer "+token) }
	for range 2 {
		as(memberAcme)
	}
	if a := as(viewerAcme); a.status != 200 {
		t.Errorf("third request: %d", a.status)
	}
	a := as(memberAcme)
	if a.status != 429 || a.text("code") != "rate-limited" || a.header.Get("Retry-After") != "2" {
		t.Errorf("fourth request: %d %s, Retry-After %q", a.status, a.raw, a.header.Get("Retry-After"))
	}
	if a := as(memberBolt); a.status != 404 {
		t.Errorf("another account: %d", a.status)
	}
	for range 10 {
		if a := as(admin); a.status != 200 {
			t.Errorf("the platform: %d", a.status)
		}
	}
	now = now.Add(2 * time.Second)
	if a := as(memberAcme); a.status != 200 {
		t.Errorf("after Retry-After: %d", a.status)
	}
	if a := s.do("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("health: %d", a.status)
	}
}
