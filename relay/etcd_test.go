package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// live is a relay of a real store.
type live struct {
	addr string
	stop func()
}

func begin(t *testing.T, cfg store.Config, name string) *live {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Policy: s, Board: s, Hosts: anybody{}, Name: name, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	wg.Go(func() { _ = r.Serve(ctx, l, nil) })
	stop := sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		s.Close()
	})
	t.Cleanup(stop)
	return &live{l.Addr().String(), stop}
}

// TestAnAPISeesHostsOfRelays: by the store alone an API knows what hosts have applied,
// also those that a change does not concern; it asks them; and a host that goes to
// another relay is known there.
func TestAnAPISeesHostsOfRelays(t *testing.T) {
	t.Parallel()
	cfg := etcdtest.Config(t)
	api, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	write := func(changes ...secgroup.Change) int64 {
		t.Helper()
		rev, err := api.Update(soon(t), func(*secgroup.Snapshot) ([]secgroup.Change, error) { return changes, nil })
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	rev := write(town()...)
	first, second := begin(t, cfg, "r1"), begin(t, cfg, "r2")
	attach := func(name, nic string, to *live) *hostsim.Host {
		t.Helper()
		h, err := hostsim.Attach(t.Context(), hostsim.Config{Relay: to.addr, Token: "x", Name: name, NICs: []string{nic}, Answer: func(a *wire.Ask) *wire.Answer {
			return &wire.Answer{Id: a.GetId(), Body: []byte(fmt.Sprintf("%q", name+" at "+string(a.GetBody())))}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h1, h2 := attach("h1", "n1", first), attach("h2", "n2", second)
	at := func(what string, rev int64, relays map[string]string) {
		t.Helper()
		err := api.WaitHosts(soon(t), func(hosts []store.HostStatus) bool {
			for host, relay := range relays {
				i := slices.IndexFunc(hosts, func(h store.HostStatus) bool { return h.Host == host })
				if i < 0 || hosts[i].Applied != rev || hosts[i].Relay != relay || hosts[i].Attached != (relay != "") {
					return false
				}
			}
			return true
		})
		if err != nil {
			t.Fatalf("%s: %+v, want all at %d: %v", what, api.Hosts(), rev, err)
		}
	}
	at("both relays", rev, map[string]string{"h1": "r1", "h2": "r2"})
	for i := range 5 {
		rev = write(ruled("gn1", uint16(1+i)))
		at("a change that concerns one", rev, map[string]string{"h1": "r1", "h2": "r2"})
	}
	wait(t, h1, "the last rule", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
	for _, host := range []string{"h1", "h2"} {
		got, err := api.Ask(soon(t), host, "flows", json.RawMessage(`7`))
		if want := fmt.Sprintf("%q", host+" at 7"); err != nil || string(got) != want {
			t.Errorf("%s answers %s: %v", host, got, err)
		}
	}
	first.stop()
	if bye, _ := h1.Ended(soon(t)); !bye.GetRetryable() {
		t.Errorf("a relay that stops says %v", bye)
	}
	attach("h1", "n1", second)
	rev = write(ruled("gn1", 99))
	at("at the other relay", rev, map[string]string{"h1": "r2", "h2": "r2"})
	wait(t, h2, "", func(s hostsim.Seen) bool {
		if s.At.GetRevision() >= rev {
			t.Errorf("a host that nothing concerned was sent %d", s.At.GetRevision())
		}
		return true
	})
}
