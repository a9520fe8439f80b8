package store

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/store/internal/record"
)

func TestHosts(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		host, api := open(t, e.config()), open(t, e.config())
		for range 7 { // hosts cannot have applied what is not there
			mustUpdate(t, api, put(account("a")))
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
		full := HostStatus{Host: "h2", Applied: 7, Flows: 100, NICs: []HostNIC{{ID: "n", OFPort: 3, Ready: true, Error: "e", Applied: 6}},
			Errors: []string{"x"}, Connected: true, Version: "1", Started: at, Heartbeat: at.Add(time.Second)}
		for _, h := range []HostStatus{full, {Host: "h1", Applied: 1}} {
			if err := host.PutHost(within(t, patience), h); err != nil {
				t.Fatal(err)
			}
		}
		applied := func(want int64) func([]HostStatus) bool {
			return func(hosts []HostStatus) bool { return len(hosts) == 2 && hosts[0].Applied >= want }
		}
		if err := api.WaitHosts(within(t, patience), applied(1)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]HostStatus{{Host: "h1", Applied: 1}, full}, api.Hosts()); diff != "" {
			t.Errorf("hosts (-want +got):\n%s", diff)
		}
		done := make(chan error, 1)
		go func() { done <- api.WaitHosts(within(t, patience), applied(2)) }()
		if err := host.PutHost(within(t, patience), HostStatus{Host: "h1", Applied: 2}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := host.DeleteHost(within(t, patience), "h2"); err != nil {
			t.Fatal(err)
		}
		if err := api.WaitHosts(within(t, patience), func(h []HostStatus) bool { return len(h) == 1 }); err != nil {
			t.Error(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := api.WaitHosts(short, func([]HostStatus) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitHosts past its time: %v", err)
		}
		for _, name := range []string{"", "a/b", strings.Repeat("x", 65)} {
			if err := host.PutHost(t.Context(), HostStatus{Host: name}); err == nil {
				t.Errorf("PutHost of %q succeeded", name)
			}
		}
	})
}

// TestHostsOfOtherVersions passes over a report that this version cannot read.
func TestHostsOfOtherVersions(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		if _, err := s.link.Client.Put(t.Context(), s.link.Keys.Host("new"), `{"v":2,"applied":{}}`); err != nil {
			t.Fatal(err)
		}
		if err := s.PutHost(within(t, patience), HostStatus{Host: "old"}); err != nil {
			t.Fatal(err)
		}
		if err := s.WaitHosts(within(t, patience), func(h []HostStatus) bool { return len(h) == 1 && h[0].Host == "old" }); err != nil {
			t.Error(err)
		}
	})
}

// TestHostStatusDoesNotMoveThePolicy keeps answering with a revision that
// followers of the policy can reach.
func TestHostStatusDoesNotMoveThePolicy(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		rev := mustUpdate(t, s, put(account("a")))
		for range 5 {
			if err := s.PutHost(within(t, patience), HostStatus{Host: "h"}); err != nil {
				t.Fatal(err)
			}
		}
		later := open(t, e.config())
		if got := mustUpdate(t, later, put()); got != rev {
			t.Errorf("a store opened after reports of hosts is at revision %d, want %d", got, rev)
		}
	})
}

// TestWhatIsFurtherIsNewToOthers: who does not know that a NIC can be further than its
// host reads of a report what was so before; and where such versions refuse fields that
// they do not know, there are none.
func TestWhatIsFurtherIsNewToOthers(t *testing.T) {
	t.Parallel()
	h := further("h", Write{Revision: 7, Mark: "m7"}, Write{Revision: 9, Mark: "m9"})
	value, err := record.Marshal(record.HostToRecord(h))
	if err != nil {
		t.Fatal(err)
	}
	got, err := record.DecodeHost("h", []byte(value))
	if diff := cmp.Diff(h, got); err != nil || diff != "" {
		t.Errorf("read again (-want +got): %v\n%s", err, diff)
	}
	var old struct {
		Applied int64
		NICs    []struct{ Applied int64 }
	}
	if err := json.Unmarshal([]byte(value), &old); err != nil || old.Applied != 7 || len(old.NICs) != 2 || old.NICs[0].Applied != 7 || old.NICs[1].Applied != 7 {
		t.Errorf("%v: %s", err, value)
	}
	h.Mark = ""
	if value, err := record.Marshal(record.HostToRecord(h)); err != nil || strings.Contains(value, "latest") || strings.Contains(value, "further") {
		t.Errorf("%v: %s", err, value)
	}
}
