package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store"
)

// The last hour is of the account alone: of what its hosts report, and of the drops
// that somebody asked for. What nobody knows is null.
func TestActivity(t *testing.T) {
	s, h := tracedServer(t)
	began := time.Now()
	dropped := uint64(0)
	answers(h, inquiry.KindDrops, func(inquiry.DropsQuestion) inquiry.DropsAnswer {
		dropped += 5
		began = began.Add(time.Second)
		return inquiry.DropsAnswer{Now: began, Rate: 100, Totals: []inquiry.DropTotal{{NIC: "n1", Direction: "ingress", Reason: "no-rule", Packets: dropped}}}
	})
	last := func(account string, headers ...string) answer {
		t.Helper()
		a := s.must("GET", "/v1/accounts/"+account+"/activity", "", headers...)
		a.want(t, map[string]string{"step_seconds": "30"})
		return a
	}
	sum := func(a answer, field string) (n float64) {
		points, _ := a.body["points"].([]any)
		for _, p := range points {
			v, known := p.(map[string]any)[field].(float64)
			if known {
				n += v
			}
		}
		return n
	}
	last("acme", as(viewerAcme)...).want(t, map[string]string{"points.0.drops": "null"})
	for range 2 {
		s.must("GET", "/v1/accounts/acme/drops", "", as(viewerAcme)...)
	}
	if a := last("acme", as(viewerAcme)...); sum(a, "drops") != 5 { // from the first question on
		t.Errorf("drops: %s", a.raw)
	}
	// A host tells what began.
	s.api.hour.Look([]store.HostStatus{{
		Host: "h1", Seen: time.Now(), BegunSince: time.Now(), Begun: map[string]uint64{"acme": 2, "bolt": 40},
		NICs: []store.HostNIC{{ID: "n1", OFPort: 1, Ready: true}, {ID: "n3", OFPort: 2, Ready: true}},
	}})
	if a := last("acme", as(viewerAcme)...); sum(a, "connections") != 2 {
		t.Errorf("acme: %s", a.raw)
	}
	if a := last("bolt"); sum(a, "connections") != 40 || sum(a, "drops") != 0 {
		t.Errorf("bolt: %s", a.raw)
	}
	for path, status := range map[string]int{"/v1/accounts/bolt/activity": http.StatusNotFound, "/v1/accounts/ghost/activity": http.StatusNotFound, "/v1/accounts/acme/activity?since=1": http.StatusBadRequest} {
		if a := s.do("GET", path, "", as(viewerAcme)...); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
	// Whoever gets the name of an account that went is told nothing of it.
	s.must("DELETE", "/v1/nics/n3", "")
	s.must("DELETE", "/v1/accounts/bolt/security-groups/db", "")
	s.must("DELETE", "/v1/accounts/bolt", "")
	s.must("PUT", "/v1/accounts/bolt", "{}")
	if a := last("bolt"); sum(a, "connections") != 0 {
		t.Errorf("a new bolt: %s", a.raw)
	}
}
