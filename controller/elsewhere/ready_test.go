package elsewhere

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/store"
)

// fakePeers are other hosts' reports, and how often they were asked for.
type fakePeers struct {
	mu    sync.Mutex
	nics  map[string][]store.HostNIC
	err   error
	asked int
}

// say changes what h2 answers from now on.
func (f *fakePeers) say(err error, nics ...store.HostNIC) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.nics["h2"] = err, nics
}

func (f *fakePeers) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *fakePeers) Plugged(_ context.Context, host string) ([]store.HostNIC, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.nics[host], f.err
}

// TestElsewhere: a NIC that names another host first is there when that host has
// it ready, and not before, and here again when it is not plugged there any more;
// nobody is asked about others.
func TestElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peers := &fakePeers{nics: map[string][]store.HostNIC{}}
		var told atomic.Int32
		e := NewReady(peers, slog.New(slog.DiscardHandler), 0, func() { told.Add(1) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		expect := func(what, want string, asks bool) {
			t.Helper()
			before := peers.count()
			time.Sleep(3 * askEvery)
			synctest.Wait()
			asked := peers.count() - before
			if got := fmt.Sprint(e.Known()); got != want || asked > 0 != asks {
				t.Errorf("%s: %s, expected %s; asked %d times", what, got, want, asked)
			}
		}
		expect("nothing is wanted", "map[]", false)
		e.Want(map[string]string{"a": "h2"})
		expect("it is nowhere", "map[]", true)
		peers.say(nil, store.HostNIC{ID: "a"}, store.HostNIC{ID: "b", Ready: true})
		expect("it is plugged, and not ready", "map[]", true)
		peers.say(errors.New("no store"))
		expect("nobody answers", "map[]", true)
		peers.say(nil, store.HostNIC{ID: "a", Ready: true})
		time.Sleep(askEvery)
		synctest.Wait()
		expect("it is there", "map[a:h2]", true)
		if told.Load() != 2 { // that it has been asked for, and that it is there
			t.Errorf("told %d times", told.Load())
		}
		peers.say(errors.New("no store"))
		expect("nobody answers", "map[a:h2]", true)
		peers.say(nil, store.HostNIC{ID: "a"})
		expect("its controller has started again", "map[a:h2]", true)
		peers.say(nil, store.HostNIC{ID: "b", Ready: true})
		expect("what was said was of before: it has gone", "map[]", true)
		if told.Load() != 3 {
			t.Errorf("told %d times", told.Load())
		}
		peers.say(nil, store.HostNIC{ID: "a", Ready: true})
		expect("it has come back", "map[a:h2]", true)
		e.Want(map[string]string{"a": "h3"})
		expect("it is to go on", "map[]", true)
		peers.say(store.ErrMayNotAsk)
		time.Sleep(askEvery)
		synctest.Wait()
		expect("nobody may ask", "map[a:h3]", false)
		e.Want(map[string]string{})
		expect("it is gone", "map[]", false)
		cancel()
		<-done
	})
}

// TestFlowsWaitForFirstHosts: what is installed waits until the hosts were asked that NICs
// name first; for those that cannot be asked it waits only once, however many NICs come.
func TestFlowsWaitForFirstHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peers := &fakePeers{nics: map[string][]store.HostNIC{}, err: errors.New("no store")}
		told := make(chan struct{}, 10)
		e := NewReady(peers, slog.New(slog.DiscardHandler), 0, func() { told <- struct{}{} })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		two := map[string]string{"a": "h2", "b": "h2"}
		if wait := e.Want(map[string]string{}); wait != 0 {
			t.Errorf("no NIC names another host, and the wait is %v", wait)
		}
		if wait := e.Want(map[string]string{"a": "h2"}); wait != patience {
			t.Errorf("nobody was asked, and the wait is %v", wait)
		}
		time.Sleep(patience / 2)
		if wait := e.Want(two); wait != patience/2 {
			t.Errorf("half of the wait later another NIC comes, and the wait is %v", wait)
		}
		time.Sleep(patience / 2)
		if wait := e.Want(two); wait != 0 || len(told) > 0 {
			t.Errorf("nobody answers for long, and the wait is %v; told %d times", wait, len(told))
		}
		peers.say(nil, store.HostNIC{ID: "b", Ready: true})
		<-told
		if wait, known := e.Want(two), e.Known(); wait != 0 || fmt.Sprint(known) != "map[b:h2]" {
			t.Errorf("h2 answers, and the wait is %v; known: %v", wait, known)
		}
		two["c"] = "h2"
		if wait := e.Want(two); wait != patience {
			t.Errorf("another NIC comes, and the wait is %v", wait)
		}
		<-told
		if wait := e.Want(two); wait != 0 {
			t.Errorf("h2 has answered, and the wait is %v", wait)
		}
		cancel()
		<-done
	})
}
