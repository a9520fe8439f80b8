package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// told is what a host was told of plugs: host/NIC, with * for those that are ready.
func told(s hostsim.Seen) string {
	if s.Plugs == nil {
		return "nothing yet"
	}
	var all []string
	for _, id := range slices.Sorted(maps.Keys(s.Plugs)) {
		if s.Plugs[id].GetReady() {
			id += "*"
		}
		all = append(all, id)
	}
	return strings.Join(all, " ")
}

func hears(t *testing.T, h *hostsim.Host, what, want string) {
	t.Helper()
	var last string
	if err := h.Wait(soon(t), func(s hostsim.Seen) bool { last = told(s); return last == want }); err != nil {
		t.Fatalf("%s: it was told of %q, want %q: %v", what, last, want, err)
	}
}

// serves is where a NIC is served, by what a host was told: where it came last, of
// those where it is ready (controller's plugbook).
func serves(s hostsim.Seen, nic string) string {
	var best store.Plug
	for _, p := range s.Plugs {
		one := store.Plug{Host: p.GetHost(), Order: p.GetOrder()}
		if p.GetNic() == nic && p.GetReady() && (best.Host == "" || one.NewerThan(best)) {
			best = one
		}
	}
	return best.Host
}

// TestANICAtTwoHosts: which have their streams at two relays. Both are told of both
// plugs, and which is the newer one, so that one of them serves; and of nothing of NICs
// that they have not.
func TestANICAtTwoHosts(t *testing.T) {
	t.Parallel()
	cfg := etcdtest.Config(t)
	api, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	write := func(changes ...secgroup.Change) {
		t.Helper()
		if _, err := api.Update(soon(t), func(*secgroup.Snapshot) ([]secgroup.Change, error) { return changes, nil }); err != nil {
			t.Fatal(err)
		}
	}
	write(town()...)
	first, second := begin(t, cfg, "r1"), begin(t, cfg, "r2")
	attach := func(name string, to *live) (*hostsim.Host, context.CancelFunc) {
		t.Helper()
		ctx, leave := context.WithCancel(t.Context())
		t.Cleanup(leave)
		h, err := hostsim.Attach(ctx, hostsim.Config{Relay: to.addr, Token: "x", Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return h, leave
	}
	plug := func(h *hostsim.Host, nic, row string, ready bool) {
		t.Helper()
		if err := h.Tell([]*wire.Plug{{Nic: nic, Row: row, Ready: ready}}); err != nil {
			t.Fatal(err)
		}
	}
	h1, leave := attach("h1", first)
	h2, _ := attach("h2", second)
	hears(t, h1, "nothing is plugged", "")
	plug(h1, "n1", "", false) // for its share; others are not to be told yet
	plug(h1, "n1", "a", true)
	plug(h1, "n2", "a2", true)
	hears(t, h1, "its own", "h1/n1* h1/n2*")
	plug(h2, "n1", "b", false)
	hears(t, h1, "it comes to another host", "h1/n1* h1/n2* h2/n1")
	hears(t, h2, "the same", "h1/n1* h2/n1")
	one := func(want string) {
		t.Helper()
		for what, h := range map[string]*hostsim.Host{"h1": h1, "h2": h2} {
			wait(t, h, what+": n1 is served at "+want, func(s hostsim.Seen) bool { return serves(s, "n1") == want })
		}
	}
	one("h1")
	plug(h2, "n1", "b", true)
	one("h2")
	// The order stays, whoever says it again, with the order that it was given or none.
	var order int64
	wait(t, h1, "", func(s hostsim.Seen) bool { order = s.Plugs["h1/n1"].GetOrder(); return true })
	plug(h1, "n1", "a", false)
	hears(t, h1, "it says so again", "h1/n1 h1/n2* h2/n1*")
	wait(t, h2, "its order", func(s hostsim.Seen) bool { return s.Plugs["h1/n1"] != nil && !s.Plugs["h1/n1"].GetReady() })
	wait(t, h2, "", func(s hostsim.Seen) bool {
		if got := s.Plugs["h1/n1"].GetOrder(); got != order || order == 0 {
			t.Errorf("the order of a plug was %d, and is %d", order, got)
		}
		return true
	})
	// Another interface is another plug, and the newer one.
	plug(h1, "n1", "a-again", true)
	one("h1")
	// It is taken back although it is plugged: an interface without a port, say.
	if err := h1.Tell(nil, "n1"); err != nil {
		t.Fatal(err)
	}
	plug(h1, "n1", "", false)
	hears(t, h2, "it is taken back", "h2/n1*")
	wait(t, h1, "and still of its share", func(s hostsim.Seen) bool { _, has := s.Share.NICs["n1"]; return has })
	// What a host that went away has not plugged any more when it comes again is gone,
	// and the rest is as it was, also for who is told nothing of it yet.
	plug(h1, "n1", "c", true)
	hears(t, h2, "again", "h1/n1* h2/n1*")
	leave()
	h1, _ = attach("h1", second)
	hears(t, h1, "n1 and n2 are gone", "")
	hears(t, h2, "n1 is gone", "h2/n1*")
}

// TestPlugsThatAHostHasNotToldOf: a host that has just started knows of its plugs by
// the store, and takes nothing back by not telling of them yet.
func TestPlugsThatAHostHasNotToldOf(t *testing.T) {
	t.Parallel()
	b := &board{seats: map[string]string{}, elsewhere: map[string]bool{}, reports: map[string]store.HostStatus{}, last: 10,
		plugs: map[string]store.Plug{
			"h1/n1": {Host: "h1", NIC: "n1", Row: "a", Order: 7, Ready: true}, "h1/n9": {Host: "h1", NIC: "n9", Row: "z", Order: 8},
			"h2/n1": {Host: "h2", NIC: "n1", Row: "b", Order: 3, Ready: true}, "h2/n2": {Host: "h2", NIC: "n2", Row: "b", Order: 4},
		}}
	s := serveFor(t, Config{Board: b, Logger: slog.New(slog.DiscardHandler)})
	s.restore(1, town()...)
	h := s.host(t, hostsim.Config{Name: "h1"})
	if err := h.Plug(); err != nil {
		t.Fatal(err)
	}
	b.until(t, "what is plugged no more is taken back", func() bool { return len(b.plugs) == 2 })
	b.mu.Lock()
	b.plugs["h1/n1"] = store.Plug{Host: "h1", NIC: "n1", Row: "a", Order: 7, Ready: true}
	again := b.plugs["h1/n1"]
	b.mu.Unlock()
	if err := h.Tell([]*wire.Plug{{Nic: "n1"}}); err != nil {
		t.Fatal(err)
	}
	hears(t, h, "the other one's", "h2/n1*")
	b.follower.Changed([]store.Plug{again}, nil)
	hears(t, h, "its own of before", "h1/n1* h2/n1*")
	if err := h.Tell([]*wire.Plug{{Nic: "n1", Row: "a"}}); err != nil { // it does not know the order
		t.Fatal(err)
	}
	b.until(t, "the same plug", func() bool { return !b.plugs["h1/n1"].Ready })
	b.mu.Lock()
	if got := b.plugs["h1/n1"].Order; got != 7 {
		t.Errorf("a plug that a host tells of again has order %d, and had 7", got)
	}
	b.mu.Unlock()
	// A host that may not have a NIC takes nothing from the one that may.
	n := *town()[3].Object.(*secgroup.NIC)
	n.Hosts = []string{"h1"}
	s.write(secgroup.Put(&n))
	hears(t, h, "it may be here alone", "h1/n1")
	n.Hosts = nil
	s.write(secgroup.Put(&n))
	hears(t, h, "it may be anywhere", "h1/n1 h2/n1*")
}

// TestTracesBringTheirEnds: a host does not know of a NIC elsewhere, so the relay says
// what the policy does.
func TestTracesBringTheirEnds(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}, Answer: func(a *wire.Ask) *wire.Answer { return &wire.Answer{Id: a.GetId(), Body: a.GetBody()} }})
	s.at(t, "h1", 1)
	for kind, filled := range map[string]bool{inquiry.KindTrace: true, inquiry.KindProbe: true, inquiry.KindFlows: false} {
		body, err := s.Ask(soon(t), "h1", kind, json.RawMessage(`{"source":"n1","destination":"n2","new":[1]}`))
		if err != nil {
			t.Fatal(err)
		}
		var q struct {
			Source, Destination string
			New                 []int
			Ends                map[string]inquiry.End
		}
		if err := json.Unmarshal(body, &q); err != nil || q.Source != "n1" || q.Destination != "n2" || fmt.Sprint(q.New) != "[1]" {
			t.Errorf("%s: %s, %v", kind, body, err)
		}
		if (len(q.Ends) == 2) != filled || filled && !slices.Equal(q.Ends["n2"].Addresses, []netip.Addr{netip.MustParseAddr("10.0.0.2")}) {
			t.Errorf("%s: %s", kind, body)
		}
	}
	if _, err := s.Ask(soon(t), "h1", inquiry.KindTrace, json.RawMessage(`7`)); err == nil || !strings.Contains(err.Error(), "question") {
		t.Errorf("no question at all: %v", err)
	}
}
