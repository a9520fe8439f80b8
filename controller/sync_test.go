package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// TestFirstSync: a controller that finds neither bridge nor flows makes both,
// and reports the revision and each NIC when it is true.
func TestFirstSync(t *testing.T) {
	r := newBareRig(t)
	p := small.New()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)))...)
	r.start()
	h := r.applied(rev)
	if len(h.NICs) != 0 || len(h.Errors) != 0 {
		t.Errorf("an empty host reports %+v", h)
	}
	if mode := r.ovs.Vsctl("get", "bridge", bridge, "fail_mode"); strings.TrimSpace(mode) != "secure" {
		t.Errorf("fail_mode %s", mode)
	}
	r.plug(1)
	r.plug(2)
	h = r.applied(rev, "a1", "a2")
	if want := len(r.flows()); h.Flows != want {
		t.Errorf("%d flows reported, %d in the switch", h.Flows, want)
	}
	for i, n := range h.NICs {
		if n.OFPort != uint32(i+1) || n.Applied != h.Applied || n.Error != "" {
			t.Errorf("NIC %+v", n)
		}
	}
	r.passes(1, 2, "tcp", 80) // both are in the default group alone
	if text := r.zone(1); !strings.Contains(text, "/a1") {
		t.Errorf("the zone is kept as %s", text)
	}
	if text := r.ovs.Ofctl("--names", "dump-flows", bridge, "table=100"); !strings.Contains(text, "table=output") {
		t.Errorf("the tables have no names: %s", text)
	}

	t.Log("a NIC that is unplugged is reported no more, one that has no ofport is not ready")
	r.ovs.Vsctl("del-port", bridge, "p2", "--", "add-port", bridge, "missing", "--", "set", "interface", "missing", "external_ids:iface-id=a2")
	h = r.status("a2 is not ready", func(h store.HostStatus) bool {
		return len(h.NICs) == 2 && !isReady(h, "a2") && h.NICs[1].Error != ""
	})
	if !isReady(h, "a1") {
		t.Errorf("a1 is held up: %+v", h)
	}
	r.ovs.Vsctl("del-port", bridge, "missing")
	r.status("a2 is gone", func(h store.HostStatus) bool { return len(h.NICs) == 1 && isReady(h, "a1") })
}

// TestManyNICsAtOnce: each is ready soon, with a zone of its own.
func TestManyNICsAtOnce(t *testing.T) {
	const count = 30
	r := newRig(t)
	p := small.New()
	changes := p.Base()
	var ready []string
	args := []string{}
	for n := 1; n <= count; n++ {
		changes = append(changes, secgroup.Put(small.NIC(n)))
		ready = append(ready, small.NIC(n).ID)
		args = append(args, "--", "add-port", bridge, fmt.Sprintf("p%d", n), "--", "set", "interface", fmt.Sprintf("p%d", n),
			"type=dummy", fmt.Sprintf("ofport_request=%d", n), fmt.Sprintf("external_ids:iface-id=a%d", n))
	}
	rev := r.write(changes...)
	r.start()
	r.applied(rev)
	start := time.Now()
	r.ovs.Vsctl(args[1:]...)
	r.applied(rev, ready...)
	t.Logf("%d NICs ready after %v", count, time.Since(start))
	zones := map[string]bool{}
	for n := 1; n <= count; n++ {
		zones[r.zone(n)] = true
	}
	if len(zones) != count {
		t.Errorf("%d zones for %d NICs", len(zones), count)
	}
	r.passes(1, count, "tcp", 80)
	r.passes(count, 1, "udp", 53)
}

// TestLatency: on a host that is idle a rule is in force at once. The fastest of
// some is held against how slow the machine is; the log tells the figures.
func TestLatency(t *testing.T) {
	r := newRig(t)
	p := small.New()
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")))...)
	r.start()
	r.plugged(1, 2)
	var add, remove []time.Duration
	slow := slowness.Start(t)
	took := func(change secgroup.Change) time.Duration {
		start := time.Now()
		r.applied(r.write(change))
		return time.Since(start)
	}
	for i := range 8 {
		add = append(add, took(p.Rule("web", "r", secgroup.Ingress, "tcp", uint16(80+i), "default")))
		remove = append(remove, took(p.NoRule("web", "r")))
	}
	t.Logf("written to reported as applied: added %v, removed %v", add, remove)
	if err := slow.Hold(50*time.Millisecond, slices.Min(add)); err != nil {
		t.Errorf("the fastest: %v", err)
	}
}
