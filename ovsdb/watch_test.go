package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/internal/ovstest"
)

// BridgeState is what the changes of a bridge add up to.
type BridgeState struct {
	Bridge
	Interfaces []Interface // sorted by name
}

// adder adds changes up.
type adder struct {
	t   *testing.T
	all map[UUID]Interface
}

func newAdder(t *testing.T) *adder {
	t.Helper()
	return &adder{t, map[UUID]Interface{}}
}

func (a *adder) add(c Change) BridgeState {
	for _, i := range c.Gone {
		if _, ok := a.all[i.UUID]; !ok {
			a.t.Errorf("%s went, which was not there", i.Name)
		}
		delete(a.all, i.UUID)
	}
	for _, i := range c.Set {
		if was, ok := a.all[i.UUID]; ok && cmp.Equal(was, i) {
			a.t.Errorf("%s was set to what it was", i.Name)
		}
		a.all[i.UUID] = i
	}
	s := BridgeState{Bridge: c.Bridge, Interfaces: slices.Collect(maps.Values(a.all))}
	slices.SortFunc(s.Interfaces, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// watcher collects what WatchBridge delivers.
type watcher struct {
	t      *testing.T
	states chan BridgeState
	last   BridgeState
}

func startWatch(t *testing.T, addr, bridge string) *watcher {
	t.Helper()
	w := &watcher{t: t, states: make(chan BridgeState, 1000)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	a := newAdder(t)
	go func() { ended <- WatchBridge(ctx, addr, bridge, func(c Change) { w.states <- a.add(c) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("WatchBridge: %v", err)
		}
	})
	return w
}

// until returns the first state that meets the condition.
func (w *watcher) until(what string, ok func(BridgeState) bool) BridgeState {
	w.t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		select {
		case w.last = <-w.states:
			if ok(w.last) {
				return w.last
			}
		case <-timeout:
			w.t.Fatalf("no state with %s; the last is %+v", what, w.last)
		}
	}
}

func (w *watcher) quiet(d time.Duration) {
	w.t.Helper()
	select {
	case s := <-w.states:
		w.t.Errorf("a state without news: %+v", s)
	case <-time.After(d):
	}
}

func (s BridgeState) iface(name string) Interface {
	for _, i := range s.Interfaces {
		if i.Name == name {
			return i
		}
	}
	return Interface{}
}

func TestWatchFollowsABridge(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	w := startWatch(t, v.DBAddr, "br-int")
	first := w.until("no bridge", func(BridgeState) bool { return true })
	if diff := cmp.Diff(BridgeState{}, first); diff != "" {
		t.Errorf("before the bridge (-want +got):\n%s", diff)
	}

	v.AddBridge("br-other")
	v.AddBridge("br-int")
	s := w.until("a datapath id", func(s BridgeState) bool { return s.Exists && s.DatapathID != "" && s.iface("br-int").OFPort == 65534 })
	if s.DatapathType != "dummy" || s.FailMode != "secure" || strings.Join(s.Protocols, " ") != "OpenFlow10 OpenFlow13 OpenFlow15" {
		t.Errorf("bridge %+v", s)
	}

	v.AddPort("br-int", "p1", 7, "nic-1", "external_ids:vm-uuid=x")
	s = w.until("p1 with ofport 7", func(s BridgeState) bool { return s.iface("p1").OFPort == 7 })
	want := Interface{UUID: s.iface("p1").UUID, Name: "p1", Port: "p1", Type: "dummy", IfaceID: "nic-1", OFPort: 7,
		ExternalIDs: map[string]string{"iface-id": "nic-1", "vm-uuid": "x"}}
	if diff := cmp.Diff(want, s.iface("p1")); diff != "" {
		t.Errorf("p1 (-want +got):\n%s", diff)
	}

	v.Vsctl("set", "interface", "p1", "external_ids:iface-id=nic-2")
	s = w.until("another iface-id", func(s BridgeState) bool { return s.iface("p1").IfaceID == "nic-2" })
	if s.iface("p1").ExternalIDs["vm-uuid"] != "x" {
		t.Errorf("the other key is gone: %+v", s.iface("p1"))
	}
	v.Vsctl("remove", "interface", "p1", "external_ids", "iface-id")
	w.until("no iface-id", func(s BridgeState) bool { return s.iface("p1").Name == "p1" && s.iface("p1").IfaceID == "" })

	t.Log("a device that does not exist gets ofport -1 and an error")
	v.Vsctl("--no-wait", "add-port", "br-int", "ghost", "--", "set", "interface", "ghost", "external_ids:iface-id=nic-3")
	s = w.until("ghost's error", func(s BridgeState) bool { return s.iface("ghost").Error != "" })
	if g := s.iface("ghost"); g.OFPort != 0 || g.IfaceID != "nic-3" {
		t.Errorf("ghost: %+v", g)
	}

	v.Vsctl("del-port", "br-int", "p1")
	w.until("p1 gone", func(s BridgeState) bool { return s.Exists && s.iface("p1").Name == "" })
	v.Vsctl("set", "bridge", "br-int", "external_ids:a=b")
	w.until("bridge external_ids", func(s BridgeState) bool { return s.ExternalIDs["a"] == "b" })
	v.Vsctl("--no-wait", "del-br", "br-int")
	if diff := cmp.Diff(BridgeState{}, w.until("the bridge gone", func(s BridgeState) bool { return !s.Exists })); diff != "" {
		t.Errorf("after the bridge (-want +got):\n%s", diff)
	}
	v.AddPort("br-other", "p9", 9, "nic-9")
	w.quiet(100 * time.Millisecond)
}

func TestWatchSurvivesTheServer(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 1, "nic-1")
	w := startWatch(t, v.DBAddr, "br-int")
	before := w.until("p1", func(s BridgeState) bool {
		return s.iface("p1").OFPort == 1 && s.iface("br-int").OFPort != 0 && s.DatapathID != ""
	})

	v.KillOVSDB()
	stale := w.until("stale", func(s BridgeState) bool { return s.Stale != "" })
	stale.Stale = ""
	if diff := cmp.Diff(before, stale); diff != "" {
		t.Errorf("stale state (-before +stale):\n%s", diff)
	}
	v.StartOVSDB()
	// datapath_id and other ephemeral columns come when ovs-vswitchd is back too.
	after := w.until("connected", func(s BridgeState) bool {
		if !s.Exists || len(s.Interfaces) != 2 {
			t.Errorf("a state without what there was: %+v", s)
		}
		return s.Stale == "" && s.DatapathID != ""
	})
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after the restart (-before +after):\n%s", diff)
	}
	v.AddPort("br-int", "p2", 2, "nic-2")
	w.until("p2", func(s BridgeState) bool { return s.iface("p2").OFPort == 2 })

	t.Log("ovs-vswitchd killed: the database stays as it is")
	v.KillVswitchd()
	v.Vsctl("--no-wait", "set", "interface", "p2", "external_ids:iface-id=nic-5")
	w.until("nic-5", func(s BridgeState) bool { return s.iface("p2").IfaceID == "nic-5" && s.iface("p2").OFPort == 2 })
}

func TestWatchCoalesces(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	entered, leave, calls := make(chan struct{}), make(chan struct{}), 0
	go func() {
		<-entered
		for i := range 20 {
			v.Vsctl("--no-wait", "add-port", "br-int", fmt.Sprintf("q%d", i), "--", "set", "interface", fmt.Sprintf("q%d", i), "type=dummy")
		}
		close(leave)
	}()
	a := newAdder(t)
	_ = WatchBridge(ctx, v.DBAddr, "br-int", func(c Change) {
		s := a.add(c)
		if calls++; calls == 1 {
			close(entered)
			<-leave
		}
		if len(s.Interfaces) == 21 {
			cancel()
		}
	})
	// Two of them if all changes had arrived; ovs-vswitchd's ofports may follow.
	if calls > 6 {
		t.Errorf("%d calls for 20 ports that were added during the first", calls)
	}
}

func TestWatchRefusesAddresses(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"", "/run/db.sock", "unix:", "ssl:127.0.0.1:6640", "punix:/x"} {
		if err := WatchBridge(context.Background(), addr, "br-int", func(Change) {}); err == nil {
			t.Errorf("%q: no error", addr)
		}
	}
}

// TestWatchNoticesASilentServer: the server answers nothing after the
// snapshot, not even echo.
func TestWatchNoticesASilentServer(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	sock := filepath.Join(v.RunDir, "mute.sock")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	echoes := make(chan struct{}, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go relayUntilEcho(c, v.DBSock, echoes)
		}
	}()
	states := make(chan BridgeState, 10)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a := newAdder(t)
		w := newWatch("unix:"+sock, "br-int", func(c Change) { states <- a.add(c) })
		w.probe = time.Second
		w.run(ctx)
	}()
	defer func() { cancel(); <-ended }()
	first := <-states
	for !first.Exists { // a busy machine's server may have been silent before it answered
		first = <-states
	}
	if s := <-states; s.Stale != ErrSilent.Error() || !s.Exists {
		t.Fatalf("first %+v, then %+v", first, s)
	}
	<-echoes
}

// relayUntilEcho passes requests and answers on, up to the first echo.
func relayUntilEcho(c net.Conn, server string, echoes chan<- struct{}) {
	defer c.Close()
	s, err := net.Dial("unix", server)
	if err != nil {
		return
	}
	defer s.Close()
	requests, answers := json.NewDecoder(c), json.NewDecoder(s)
	for {
		var request, answer json.RawMessage
		if requests.Decode(&request) != nil {
			return
		}
		if strings.Contains(string(request), `"method":"echo"`) {
			echoes <- struct{}{}
			continue
		}
		if _, err := s.Write(request); err != nil || answers.Decode(&answer) != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}
