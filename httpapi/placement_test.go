package httpapi

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

// plugged has hosts of this version say that a NIC is plugged there, and ready at
// a revision.
func (s *server) plugged(nic string, applied map[string]int64) {
	s.t.Helper()
	for host, rev := range applied {
		h := store.HostStatus{Host: host, Instance: host, Connected: true, Applied: rev, NICs: []store.HostNIC{{ID: nic, OFPort: 1, Ready: true, Applied: rev}}}
		if err := s.store.PutHost(s.t.Context(), h); err != nil {
			s.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	err := s.store.WaitHosts(ctx, func(hosts []store.HostStatus) bool {
		seen := 0
		for _, h := range hosts {
			if rev, ok := applied[h.Host]; ok && h.Applied == rev {
				seen++
			}
		}
		return seen == len(applied)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// A NIC that sends from link-local addresses that are not its own says so.
func TestNICWarnsOfLinkLocals(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.plugged("n1", map[string]int64{"h1": 1})
	s.must("GET", acme+"/nics/n1", "").want(t, map[string]string{"warnings": "[]"})
	h := store.HostStatus{Host: "h1", Instance: "h1", Connected: true, Applied: 1, NICs: []store.HostNIC{{ID: "n1", OFPort: 1, Ready: true, Applied: 1, LinkLocalDropped: 12}}}
	if err := s.store.PutHost(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		a := s.must("GET", acme+"/nics/n1", "")
		if strings.Contains(string(a.raw), `"warnings":[{"code":"link-local-dropped","detail":"12 packets from `) {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(string(a.raw))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A NIC that says where it may be is where it may be, whatever others report: a
// machine with another host's certificate cannot move it, or say that it is ready.
func TestReportsOfANICElsewhere(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.join()
	n1 := func(hosts string) answer {
		t.Helper()
		body := `{"account":"acme","instance":"vm1","network":"net1","mac":"02:00:00:00:00:01","addresses":["10.0.0.1","fd00::1"],"hosts":` + hosts + `}`
		a := s.do("PUT", "/v1/nics/n1", body)
		if a.status != 200 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		return a
	}
	want := func(fields map[string]string) {
		t.Helper()
		for _, path := range []string{"/v1/nics/n1", acme + "/nics/n1"} {
			s.must("GET", path, "").want(t, fields)
		}
		list := map[string]string{}
		for field, v := range fields {
			list["items.0."+field] = v
		}
		s.must("GET", acme+"/nics", "").want(t, list)
	}
	later := n1(`["h1"]`).revision(t)
	first := later - 1
	s.plugged("n1", map[string]int64{"h2": later})
	want(map[string]string{"hosts": `["h1"]`, "host": "null", "ready": "false", "realized_revision": "null", "conflict.hosts": `["h2"]`})
	s.must("GET", "/v1/hosts/h2", "").want(t, map[string]string{"nics.0.ready": "false", "nics.0.conflict": "plugged at h2, where it may not be: it is at h2"})

	s.plugged("n1", map[string]int64{"h1": first})
	want(map[string]string{"host": "h1", "ready": "true", "realized_revision": strconv.FormatInt(first, 10), "conflict.hosts": `["h1","h2"]`})
	s.must("GET", "/v1/hosts", "").want(t, map[string]string{
		"items.0.nics.0.ready": "true", "items.1.nics.0.ready": "false", "items.1.nics.0.conflict": "plugged at h2, where it may not be: it is at h1, h2",
	})

	n1(`["h2","h1"]`) // it may be at both, and the first is the one
	want(map[string]string{"host": "h2", "ready": "true", "realized_revision": strconv.FormatInt(later, 10), "conflict": "null"})
	n1(`["h1","h2"]`)
	want(map[string]string{"host": "h1", "realized_revision": strconv.FormatInt(first, 10), "conflict": "null"})

	n1(`[]`) // it may be anywhere, and is at two: both say so
	want(map[string]string{"hosts": "[]", "conflict.hosts": `["h1","h2"]`})
	for _, host := range []string{"h1", "h2"} {
		s.must("GET", "/v1/hosts/"+host, "").want(t, map[string]string{"nics.0.conflict": "plugged at several hosts, and hosts does not say where it may be: it is at h1, h2"})
	}
}
