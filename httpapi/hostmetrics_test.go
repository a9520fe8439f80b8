package httpapi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

// A host is behind since the first revision came that it has not applied, and
// not since the last.
func TestBehindSinceTheFirstMissed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	a := newArrivals(func() time.Time { return now })
	for rev := int64(5); rev <= 7; rev++ {
		now = now.Add(time.Minute)
		a.observe(nil, store.Batch{Revision: rev})
	}
	now = now.Add(time.Second)
	for i, c := range []struct {
		applied, current int64
		want             time.Duration
	}{
		{7, 7, 0}, {8, 7, 0},
		{6, 7, time.Second}, {5, 7, time.Minute + time.Second},
		{4, 7, 2*time.Minute + time.Second}, {0, 7, 2*time.Minute + time.Second},
		{7, 9, 3*time.Minute + time.Second}, // nobody saw 9 come: it may have been here from the beginning
	} {
		if got := a.behind(fmt.Sprint("h", i), c.applied, c.current); got != c.want {
			t.Errorf("applied %d of %d: behind for %s, want %s", c.applied, c.current, got, c.want)
		}
	}
	// One that had applied all and loses its switch is behind since then.
	for _, c := range []struct{ applied, want int64 }{{7, 0}, {0, 0}, {0, 10}, {6, 20}, {7, 0}, {6, 0}, {6, 10}} {
		if got := a.behind("loses", c.applied, 7).Truncate(time.Second); got != time.Duration(c.want)*time.Second {
			t.Errorf("applied %d of 7: behind for %s, want %d s", c.applied, got, c.want)
		}
		now = now.Add(10 * time.Second)
	}
	if a.only(map[string]bool{"h1": true}); len(a.last) != 1 {
		t.Errorf("hosts that are gone are kept: %v", a.last)
	}
	a.observe(nil, store.Batch{Revision: 3, Full: true, Broken: true})
	if got := a.behind("h", 2, 3); got != time.Nanosecond {
		t.Errorf("after a restored store a host is behind for %s", got)
	}
	for rev := int64(4); rev < 3*maxArrivals; rev++ {
		a.observe(nil, store.Batch{Revision: rev})
	}
	if len(a.seen) > maxArrivals {
		t.Errorf("%d arrivals are kept", len(a.seen))
	}
}

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
