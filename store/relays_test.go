package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// TestHostsOfARelay: a host that has its stream at a relay is where the relay says,
// for as long as the relay is there; its name is one machine's, and goes to another
// relay when the machine does.
func TestHostsOfARelay(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.MemberTTL = 30 * time.Second // a lease that ends while the test lasts would be another test
		first, second, api := open(t, cfg), open(t, cfg), open(t, e.config())
		rev := mustUpdate(t, api, put(account("a")))
		report := func(host, instance, relay string) HostStatus {
			return HostStatus{Host: host, Instance: instance, Relay: relay, Connected: true, NICs: []HostNIC{{ID: "n", Ready: true}}, Receipt: "by waiting", Begun: map[string]uint64{"acme": 7}, BegunSince: time.Unix(9, 0)}
		}
		ctx := within(t, time.Minute)
		for _, host := range []string{"h1", "h2", "h3"} {
			if err := first.PutHost(ctx, report(host, "i-"+host, "r1")); err != nil {
				t.Fatal(err)
			}
		}
		if err := second.PutHost(ctx, report("h1", "another", "r2")); err == nil {
			t.Fatal("two machines have one name")
		}
		at := func(what string, want map[string]int64, attached bool) {
			t.Helper()
			err := api.WaitHosts(within(t, time.Minute), func(hosts []HostStatus) bool {
				for host, rev := range want {
					i := slices.IndexFunc(hosts, func(h HostStatus) bool { return h.Host == host })
					if i < 0 || hosts[i].Applied != rev || hosts[i].NICs[0].Applied != rev || hosts[i].Attached != attached {
						return false
					}
				}
				return true
			})
			if err != nil {
				t.Fatalf("%s: %+v, want %v: %v", what, api.Hosts(), want, err)
			}
		}
		mark := api.cache().markAt(rev)
		if err := first.PutRelay(ctx, RelayStanding{Relay: "r1", Revision: rev, Mark: mark, Behind: map[string]int64{"h2": rev - 1}}); err != nil {
			t.Fatal(err)
		}
		at("one is behind", map[string]int64{"h1": rev, "h2": rev - 1, "h3": rev}, true)
		if h := api.Hosts()[0]; h.Begun["acme"] != 7 || !h.BegunSince.Equal(time.Unix(9, 0)) || h.Receipt != "by waiting" {
			t.Errorf("what a host counts and how it knows does not come through: %+v", h)
		}
		waits := open(t, e.config())
		never := func() bool { return false }
		has := func(rev int64) func(*HostStatus) bool { return func(h *HostStatus) bool { return h.Applied >= rev } }
		if err := waits.WaitEach(within(t, time.Minute), []string{"h3"}, has(rev), never); err != nil {
			t.Fatal(err)
		}
		if err := waits.WaitEach(within(t, time.Minute), []string{"h2"}, has(rev), func() bool { return true }); err != nil {
			t.Errorf("it is to stop: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		for _, need := range [][]string{{"h2", "h3"}, {"nobody"}} {
			if err := waits.WaitEach(short, need, has(rev), never); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v: %v", need, err)
			}
		}
		waited := make(chan error, 1)
		go func(rev int64) {
			waited <- waits.WaitEach(within(t, time.Minute), []string{"h1", "h2", "h3"}, has(rev), never)
		}(rev)
		rev = mustUpdate(t, api, put(account("b")))
		then := time.Now()
		if err := first.PutRelay(ctx, RelayStanding{Relay: "r1", Revision: rev, Mark: api.cache().markAt(rev)}); err != nil {
			t.Fatal(err)
		}
		at("all are there", map[string]int64{"h1": rev, "h2": rev, "h3": rev}, true)
		for _, h := range api.Hosts() { // the relay speaks for them
			if h.Seen.Before(then) {
				t.Errorf("%s was heard of at %v, and its relay after %v", h.Host, h.Seen, then)
			}
		}
		if err := <-waited; err != nil {
			t.Errorf("a wait for all of them: %v", err)
		}
		if err := first.PutRelay(ctx, RelayStanding{Relay: "r1", Revision: rev, Mark: "of another history"}); err != nil {
			t.Fatal(err)
		}
		at("a mark that the store does not have", map[string]int64{"h1": 0}, true)

		// A machine goes to another relay: the first one's word is not taken any more.
		if err := second.PutHost(ctx, report("h1", "i-h1", "r2")); err != nil {
			t.Fatal(err)
		}
		lost, err := first.PutHosts(ctx, []HostStatus{report("h1", "i-h1", ""), report("h2", "i-h2", "r1"), report("h3", "i-h3", "r1")}, false)
		if err != nil || !slices.Equal(lost, []string{"h1"}) {
			t.Errorf("lost %v: %v, want h1", lost, err)
		}
		// One that leaves gives its name up.
		if lost, err := first.PutHosts(ctx, []HostStatus{report("h2", "i-h2", "")}, true); err != nil || len(lost) > 0 {
			t.Errorf("lost %v: %v", lost, err)
		}
		if err := second.PutHost(ctx, report("h2", "another", "r2")); err != nil {
			t.Errorf("a name that was given up: %v", err)
		}
		// A relay that is gone says nothing any more.
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		at("the relay is gone", map[string]int64{"h3": 0}, false)
		if h := api.Hosts()[2]; h.Seen.Before(then) {
			t.Errorf("%s was heard of by its relay after %v, and not at %v", h.Host, then, h.Seen)
		}
	})
}

// TestNICsOfAHostOfARelay: where a host is behind as a whole its NICs are as far as the
// relay says of each, but for what is not ready, and what the policy has not.
func TestNICsOfAHostOfARelay(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		relay, api := open(t, e.config()), open(t, e.config())
		first := mustUpdate(t, api, put(account("a")))
		latest := mustUpdate(t, api, put(account("b")))
		ctx := within(t, time.Minute)
		if err := relay.PutHost(ctx, HostStatus{Host: "h", Instance: "i", Relay: "r", NICs: []HostNIC{{ID: "free", Ready: true}, {ID: "held", Ready: true}, {ID: "new"}}}); err != nil {
			t.Fatal(err)
		}
		stands := func(what string, further int64, applied ...int64) {
			t.Helper()
			if err := relay.PutRelay(ctx, RelayStanding{Relay: "r", Revision: latest, Mark: api.cache().markAt(latest), Behind: map[string]int64{"h": first - 1},
				Further: map[string]Further{"h": {Latest: further, Behind: map[string]int64{"held": first}}}}); err != nil {
				t.Fatal(err)
			}
			err := api.WaitHosts(ctx, func(hosts []HostStatus) bool {
				if len(hosts) != 1 || hosts[0].Applied != first-1 {
					return false
				}
				for i, n := range hosts[0].NICs {
					if n.Applied != applied[i] {
						return false
					}
				}
				return true
			})
			if err != nil {
				t.Fatalf("%s: %+v, want %v: %v", what, api.Hosts(), applied, err)
			}
		}
		stands("one is held up", latest, latest, first, 0)
		stands("a revision that the store does not have", latest+100, first-1, first-1, 0)
	})
}
