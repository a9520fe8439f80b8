package controller

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// settled is a rig with NICs a1 to a3, of which a1 is in web, which lets in TCP
// 80 from db, where a2 is.
func settled(t *testing.T) (*rig, *small.Policy) {
	t.Helper()
	r, p := newRig(t), small.New()
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.NIC(3)),
		secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))...)
	rev := r.write(p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, "db"))
	r.start()
	r.plugged(1, 2, 3)
	r.applied(rev)
	return r, p
}

func (r *rig) watch() *flowwatch.Watch {
	r.t.Helper()
	w, err := flowwatch.Start(r.t.Context(), r.ovs.Proc, bridge)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(w.Close)
	return w
}

func (r *rig) zone(n int) string {
	r.t.Helper()
	zone := r.ovs.Get("Interface", fmt.Sprintf("p%d", n), "external_ids:"+zoneKey)
	if zone == "" {
		r.t.Fatalf("p%d has no zone", n)
	}
	return zone
}

// TestControllerRestart: flows and connections stay while nobody is in charge;
// whoever comes next adopts them without a single change.
func TestControllerRestart(t *testing.T) {
	r, p := settled(t)
	conn := tcp(2, 1, 80)
	r.open(conn)
	flows, zone := r.flows(), r.zone(1)
	watch := r.watch()
	before := r.applied(0)

	r.stop()
	if now := r.flows(); !slices.Equal(now, flows) {
		t.Errorf("the flows did not stay: %d, %d before", len(now), len(flows))
	}
	r.isOpen(conn)
	r.start()
	h := r.status("the next one has taken over", func(h store.HostStatus) bool {
		return h.Started.After(before.Started) && h.Applied >= before.Applied
	})
	if len(h.NICs) != 3 || !h.NICs[0].Ready || h.Flows != len(flows) {
		t.Errorf("it reports %+v", h)
	}
	if now := r.flows(); !slices.Equal(now, flows) {
		t.Errorf("the flows are others now")
	}
	r.isOpen(conn)
	if now := r.zone(1); now != zone {
		t.Errorf("zone %s, was %s", now, zone)
	}
	// Changes are seen in their order: when one of ours is, there was none before.
	r.ovs.Ofctl("add-flow", bridge, "cookie=0x17,table=201,priority=1,actions=drop")
	r.eventually(patience, "our change is seen", func() string {
		if len(watch.Events()) == 0 {
			return "nothing"
		}
		return ""
	})
	if events := watch.Events(); len(events) != 1 {
		t.Errorf("%d flows changed: %v", len(events)-1, events)
	}
	r.ovs.Ofctl("del-flows", bridge, "table=201")
	if n := r.counter("flow_mods_total"); n != 0 {
		t.Errorf("%v flow changes sent", n)
	}

	t.Log("what changed meanwhile is brought about, and nothing else")
	r.stop()
	rev := r.write(p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, "db"), p.NoRule("web", "r1"))
	r.start()
	r.applied(rev)
	r.passes(2, 1, "tcp", 81)
	r.dropped(2, 1, "tcp", 80)
	r.isCut(conn)
	if n := len(watch.AwaitQuiet(t.Context(), 1, 50*time.Millisecond)); n == 0 || n > len(flows)/2 {
		t.Errorf("%d flows changed", n)
	}
}

// TestVswitchdRestart: the flows come back all at once.
func TestVswitchdRestart(t *testing.T) {
	r, _ := settled(t)
	flows, before := r.flows(), r.applied(0)
	for range 2 {
		r.ovs.KillVswitchd()
		h := r.status("the loss is seen", func(h store.HostStatus) bool { return !h.Connected })
		if h.Applied != 0 || isReady(h, "a1") {
			t.Errorf("without a switch the host claims %+v", h)
		}
		if r.counter("switch_connected") != 0 {
			t.Error("without a switch the metrics say that it is connected")
		}
		r.ovs.StartVswitchd()
		seen := r.flowCounts()
		slowness.Within(t, repairTime, "all back after the start", func() { r.applied(before.Applied, "a1", "a2", "a3") })
		// Besides, TCP is picked up for a while.
		first := len(ofrules.PickUp())
		for n := range seen() {
			if !slices.Contains([]int{0, first, len(flows) + first}, n) {
				t.Errorf("there were %d flows for a moment, of %d", n, len(flows))
			}
		}
		if now := r.flows(); !slices.Equal(now, flows) {
			t.Errorf("%d flows are back, there were %d", len(now), len(flows))
		}
		r.passes(2, 1, "tcp", 80)
		r.dropped(3, 1, "tcp", 80)
		if r.counter("switch_connected") != 1 {
			t.Error("with it the metrics say that it is not")
		}
	}
}

// flowCounts watches how many of our flows there are, from as soon as the switch
// is there until the returned function is called, which returns every count seen.
func (r *rig) flowCounts() func() map[int]int {
	ctx, cancel := context.WithCancel(r.t.Context())
	seen, done := map[int]int{}, make(chan struct{})
	go func() {
		defer close(done)
		var conn *ofconn.Conn
		for ctx.Err() == nil {
			if conn == nil {
				conn, _ = ofconn.Dial(ctx, r.ovs.MgmtSock(bridge), ofconn.Options{})
				continue
			}
			if flows, err := conn.Dump(ctx, ofrules.CookieOwner, ofrules.CookieMask); err == nil {
				seen[len(flows)]++
			}
		}
		if conn != nil {
			conn.Close()
		}
	}()
	return func() map[int]int {
		cancel()
		<-done
		return seen
	}
}

// TestOfportsOfThePast: after a restart of the switch the database may hold
// ofports that are another's by now; nobody gets another's flows.
func TestOfportsOfThePast(t *testing.T) {
	r, _ := settled(t)
	rev := r.applied(0).Applied
	r.stop()
	// The database says so, and the switch does not know: it never reads this column.
	r.ovs.Vsctl("--no-wait", "set", "interface", "p3", "ofport_request=[]")
	r.ovs.Vsctl("--no-wait", "set", "interface", "p3", "ofport=9")
	r.start()
	h := r.status("a3 is not served", func(h store.HostStatus) bool {
		return h.Applied >= rev && len(h.NICs) == 3 && h.NICs[2].Error != ""
	})
	if h.NICs[2].Ready || !h.NICs[0].Ready || !h.NICs[1].Ready {
		t.Errorf("NICs %+v", h.NICs)
	}
	r.passes(2, 1, "tcp", 80)
	r.ovs.Vsctl("--no-wait", "set", "interface", "p3", "ofport=3")
	r.applied(rev, "a3")
}

// TestOVSDBRestart: without the database ovs-vswitchd answers nobody (3.1: it has
// lost its lock). When it is back all is caught up with.
func TestOVSDBRestart(t *testing.T) {
	r, p := settled(t)
	conn, after := tcp(2, 1, 80), tcp(2, 1, 81)
	r.open(conn)
	r.databaseIsQuiet(1, 2, 3)
	r.ovs.KillOVSDB()
	h := r.status("the loss is seen", func(h store.HostStatus) bool { return len(h.Errors) > 0 })
	if !h.Connected || !isReady(h, "a1") {
		t.Errorf("status %+v", h)
	}
	rev := r.write(p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, "db"), secgroup.Put(small.NIC(4)))
	r.ovs.StartOVSDB()
	r.applied(rev)
	r.status("it is back", func(h store.HostStatus) bool { return len(h.Errors) == 0 })
	r.isOpen(conn)
	r.open(after)
	r.plug(4)
	r.applied(rev, "a1", "a4")
}

// databaseIsQuiet returns once the controller has written at the taps of these NICs what it
// keeps there, and ovs-vswitchd has taken all of it over. Meanwhile a transaction of
// ovs-vswitchd's own may be under way, for which it waits, and does nothing else, until an
// ovsdb-server that was killed is back.
func (r *rig) databaseIsQuiet(nics ...int) {
	r.t.Helper()
	for _, n := range nics {
		tap := fmt.Sprintf("p%d", n)
		r.eventually(patience, "the order of the plug is at "+tap, func() string {
			if r.ovs.Get("Interface", tap, "external_ids:"+elsewhere.PlugKey) == "" {
				return "it is not"
			}
			return ""
		})
	}
	r.ovs.Vsctl("set", "Open_vSwitch", ".", "external_ids:quiet=true") // ovs-vsctl waits for ovs-vswitchd
}

// same says how two lists of flows differ, "" if they do not.
func same(got, want []string) string {
	if slices.Equal(got, want) {
		return ""
	}
	for _, f := range got {
		if !slices.Contains(want, f) {
			return "too much: " + f
		}
	}
	for _, f := range want {
		if !slices.Contains(got, f) {
			return "missing: " + f
		}
	}
	return "counts differ"
}
