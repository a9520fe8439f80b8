package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/store"
)

// fakePeers are other hosts' reports, and how often they were asked for.
type fakePeers struct {
	nics  map[string][]store.HostNIC
	err   error
	asked int
}

func (f *fakePeers) Plugged(_ context.Context, host string) ([]store.HostNIC, error) {
	f.asked++
	return f.nics[host], f.err
}

// TestElsewhere: a NIC that names another host first is there when that host has
// it ready, and not before; nobody is asked about others, nor any more after that.
func TestElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peers, told := &fakePeers{nics: map[string][]store.HostNIC{}}, 0
		e := newElsewhere(peers, slog.New(slog.DiscardHandler), func() { told++ })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.run(ctx) }()
		expect := func(what, want string, asks bool) {
			t.Helper()
			before := peers.asked
			time.Sleep(3 * elsewhereEvery)
			synctest.Wait()
			if got := fmt.Sprint(e.known()); got != want || peers.asked > before != asks {
				t.Errorf("%s: %s, expected %s; asked %d times", what, got, want, peers.asked-before)
			}
		}
		expect("nothing is wanted", "map[]", false)
		e.want(map[string]string{"a": "h2"})
		expect("it is nowhere", "map[]", true)
		peers.nics["h2"] = []store.HostNIC{{ID: "a"}, {ID: "b", Ready: true}}
		expect("it is plugged, and not ready", "map[]", true)
		peers.err = errors.New("no store")
		expect("nobody answers", "map[]", true)
		peers.nics["h2"][0].Ready, peers.err = true, nil
		time.Sleep(elsewhereEvery)
		expect("it is there", "map[a:h2]", false)
		if told != 1 {
			t.Errorf("told %d times", told)
		}
		e.want(map[string]string{"a": "h3"})
		expect("it is to go on", "map[]", true)
		peers.err = store.ErrMayNotAsk
		time.Sleep(elsewhereEvery)
		expect("nobody may ask", "map[a:h3]", false)
		e.want(map[string]string{})
		expect("it is gone", "map[]", false)
		cancel()
		<-done
	})
}
