package httpapi

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/store"
)

// A host whose clock is wrong is alive as long as its reports come, by this API's
// clock: one of the future is not alive for longer, one of the past not for shorter.
// By how much the clocks differ is shown, in the host and as a metric.
func TestClocksOfHosts(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	const hour = float64(3600)
	rev := s.must("GET", "/v1/hosts/h1", "").at("applied_revision")
	shifted := map[string]float64{"h1": hour, "h2": -hour, "h3": 0}
	begun := time.Now()
	for host, seconds := range shifted {
		applied, _ := strconv.ParseInt(fmt.Sprint(rev), 10, 64)
		beat := time.Now().Add(time.Duration(seconds) * time.Second)
		if err := s.store.PutHost(t.Context(), store.HostStatus{Host: host, Applied: applied, Connected: true, Heartbeat: beat, Version: "shifted"}); err != nil {
			t.Fatal(err)
		}
	}
	err := s.store.WaitHosts(t.Context(), func(all []store.HostStatus) bool {
		seen := 0
		for _, h := range all {
			if h.Version == "shifted" {
				seen++
			}
		}
		return seen == len(shifted)
	})
	if err != nil {
		t.Fatal(err)
	}
	slack := 60.0 // of a report's way here on a busy machine
	metrics := string(s.must("GET", "/metrics", "").raw)
	for host, want := range shifted {
		h := s.must("GET", "/v1/hosts/"+host, "")
		skew, _ := strconv.ParseFloat(fmt.Sprint(h.at("clock_skew_seconds")), 64)
		seen, err := time.Parse(time.RFC3339, h.text("last_seen"))
		if h.at("alive") != true || err != nil || seen.Before(begun.Add(-time.Second)) || seen.After(time.Now().Add(time.Second)) || math.Abs(skew-want) > slack {
			t.Errorf("%s, of which the clock is %v s ahead: %s", host, want, h.raw)
		}
		_, value, _ := strings.Cut(metrics, fmt.Sprintf("ringfence_host_clock_skew_seconds{host=%q} ", host))
		value, _, _ = strings.Cut(value, "\n")
		if exported, err := strconv.ParseFloat(value, 64); err != nil || math.Abs(exported-want) > slack {
			t.Errorf("%s: the metric is %q", host, value)
		}
	}
	late := time.Now().Add(realization.MaxSilence + time.Minute)
	s.api.now = func() time.Time { return late }
	for host := range shifted {
		if h := s.must("GET", "/v1/hosts/"+host, ""); h.at("alive") != false {
			t.Errorf("%s has been silent for long and is alive: %s", host, h.raw)
		}
	}
}
