package httpapi

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/alarm"
	"github.com/ringfence/ringfence/store"
)

// TestConflictsAreEvents: a NIC that is plugged at two hosts without naming any, or
// where it may not be, is one event of its account, whoever serves the API, and so
// is the end of that.
func TestConflictsAreEvents(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", "/v1/accounts/bolt", `{}`)
	s.join()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	acme, bolt := s.listen(ctx, "/v1/accounts/acme/events"), s.listen(ctx, "/v1/accounts/bolt/events")
	next(t, acme)
	next(t, bolt)
	twin := New(Config{Store: s.store, Tokens: s.api.tokens, Logger: s.api.logger})
	t.Cleanup(twin.Close)
	told := func(what, kind, nic, detail string, hosts ...string) {
		t.Helper()
		m := next(t, acme)
		for m.kind != "alarm" {
			m = next(t, acme)
		}
		var e eventJSON
		if err := json.Unmarshal([]byte(m.data), &e); err != nil {
			t.Fatal(err)
		}
		if err := describe(t).check(map[string]any{"$ref": "#/components/schemas/Event"}, []byte(m.data)); err != nil {
			t.Error(err)
		}
		if len(e.Alarms) != 1 || len(e.Alarms[0].Conflicts) != 1 {
			t.Fatalf("%s: %s", what, m.data)
		}
		a, c := e.Alarms[0], e.Alarms[0].Conflicts[0]
		if a.Kind != kind || c.NIC != nic || c.Detail != detail || len(c.Hosts) != len(hosts) || a.Summary == "" {
			t.Errorf("%s: %s", what, m.data)
		}
	}
	s.plugged("n1", map[string]int64{"h1": 1, "h2": 1})
	told("at two hosts", "nic-conflict", "n1", "plugged at several hosts, and hosts does not say where it may be", "h1", "h2")
	put := func(hosts string) {
		t.Helper()
		s.must("PUT", "/v1/nics/n1", `{"account":"acme","instance":"vm1","network":"net1","mac":"02:00:00:00:00:01","addresses":["10.0.0.1","fd00::1"],"hosts":`+hosts+`}`)
	}
	put(`["h1","h2"]`)
	told("it may be at both", "nic-conflict-over", "n1", "", "h1", "h2")
	put(`["h1"]`)
	told("it may be at one", "nic-conflict", "n1", "plugged at h2, where it may not be", "h1", "h2")
	if err := s.store.PutHost(ctx, store.HostStatus{Host: "h2", Instance: "h2", Connected: true}); err != nil {
		t.Fatal(err)
	}
	told("it has left", "nic-conflict-over", "n1", "", "h1")

	// Nobody else is told, and nothing is told twice: what must not be told has the time
	// of another look of all.
	time.Sleep(2 * alarm.ConflictLasts)
	for _, account := range []string{"acme", "bolt"} {
		s.must("PUT", "/v1/accounts/"+account+"/security-groups/more", `{"name":"more"}`)
	}
	for account, events := range map[string]<-chan message{"acme": acme, "bolt": bolt} {
		m := next(t, events)
		for m.kind == "revision" { // a sign of life
			m = next(t, events)
		}
		if m.kind != "change" {
			t.Errorf("%s is told %s", account, m.data)
		}
	}
}
