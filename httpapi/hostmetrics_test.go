package httpapi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

// What operators watch of hosts: how far each is, and since when it is behind.
func TestMetricsOfHosts(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	metric := func(name string) float64 {
		t.Helper()
		_, value, found := strings.Cut(string(s.must("GET", "/metrics", "").raw), "\nringfence_"+name+" ")
		value, _, _ = strings.Cut(value, "\n")
		v, err := strconv.ParseFloat(value, 64)
		if !found || err != nil {
			t.Fatalf("%s is %q", name, value)
		}
		return v
	}
	of := func(name, host string) float64 {
		t.Helper()
		return metric(fmt.Sprintf("host_%s{host=%q}", name, host))
	}
	rev := metric("policy_revision")
	for _, c := range []struct {
		host                string
		applied, alive, nic float64
		behind              bool
	}{{"h1", rev, 1, 1, false}, {"h4", 1, 1, 0, true}} {
		if got := of("applied_revision", c.host); got != c.applied {
			t.Errorf("%s has applied %v, want %v of %v", c.host, got, c.applied, rev)
		}
		if of("alive", c.host) != c.alive || of("nics", c.host) != c.nic || of("errors", c.host) != 0 || (of("behind_seconds", c.host) > 0) != c.behind {
			t.Errorf("%s: %s", c.host, s.must("GET", "/metrics", "").raw)
		}
	}
	if err := s.store.PutHost(t.Context(), store.HostStatus{Host: "h4", Applied: int64(rev), Errors: []string{"the switch is away"}, Heartbeat: time.Now()}); err != nil {
		t.Fatal(err)
	}
	err := s.store.WaitHosts(t.Context(), func(all []store.HostStatus) bool {
		for _, h := range all {
			if h.Host == "h4" {
				return len(h.Errors) == 1
			}
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	if of("behind_seconds", "h4") != 0 || of("switch_connected", "h4") != 0 || of("errors", "h4") != 1 {
		t.Errorf("h4 has caught up: %s", s.must("GET", "/metrics", "").raw)
	}
}
