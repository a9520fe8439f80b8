package controller

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// limit has the switch refuse more flows in a table than there are, plus some;
// negative: no limit any more.
func (r *rig) limit(table, more int) {
	r.t.Helper()
	tables := r.ovs.Vsctl("get", "bridge", bridge, "flow_tables")
	m := regexp.MustCompile(fmt.Sprintf(`\b%d=([0-9a-f-]+)`, table)).FindStringSubmatch(tables)
	if m == nil {
		r.t.Fatalf("no table %d in %s", table, tables)
	}
	if more < 0 {
		r.ovs.Vsctl("clear", "Flow_Table", m[1], "flow_limit", "--", "clear", "Flow_Table", m[1], "overflow_policy")
		return
	}
	count := strings.Count(r.ovs.Ofctl("dump-flows", bridge, fmt.Sprintf("table=%d", table)), "cookie=")
	r.ovs.Vsctl("set", "Flow_Table", m[1], fmt.Sprintf("flow_limit=%d", count+more), "overflow_policy=refuse")
}

// TestRefusedFlows: what the switch does not take holds up nothing else; the
// status tells of it, claims nothing, and all is well when it is taken.
func TestRefusedFlows(t *testing.T) {
	r := newRig(t)
	r.timing.retryRefused = 100 * time.Millisecond
	p := small.New()
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.NIC(3)),
		secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))...)
	rev := r.write(p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, "db"))
	r.start()
	r.plugged(1, 2)
	r.applied(rev)

	r.limit(ofrules.TableIngressRules, 2)
	var changes []secgroup.Change
	for i := range 40 { // where there is room for two flows
		changes = append(changes, p.Rule("web", fmt.Sprintf("s%d", i), secgroup.Ingress, "tcp", uint16(1000+2*i), "db"))
	}
	next := r.write(append(changes, p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, ""))...)
	h := r.status("the refusal is told", func(h store.HostStatus) bool { return len(h.Errors) > 0 })
	if h.Applied != rev || len(h.Errors) > refusalsShown+1 || !strings.Contains(h.Errors[0], "the switch refuses") {
		t.Errorf("status %+v", h)
	}
	if n := r.counter("refused_flows"); n < 38 {
		t.Errorf("%v flows are refused", n)
	}
	t.Log("the rest is in force, and other NICs are served")
	r.passes(2, 1, "tcp", 81)
	r.plug(3)
	h = r.status("a3 is ready", func(h store.HostStatus) bool { return isReady(h, "a3") })
	if h.Applied >= next {
		t.Errorf("%d is claimed", h.Applied)
	}

	t.Log("it is tried again, until there is room")
	r.limit(ofrules.TableIngressRules, -1)
	h = r.applied(next, "a1", "a2", "a3")
	if len(h.Errors) != 0 || r.counter("refused_flows") != 0 || h.Flows != len(r.flows()) {
		t.Errorf("status %+v with %d flows", h, len(r.flows()))
	}
	for i := range 40 {
		r.passes(2, 1, "tcp", 1000+2*i)
	}
}

// TestRefusedNIC: a NIC of which a flow is refused is not ready.
func TestRefusedNIC(t *testing.T) {
	r, _ := settled(t)
	r.stop()
	r.timing.retryRefused = 100 * time.Millisecond
	r.start()
	rev := r.write(secgroup.Put(small.NIC(4)))
	r.applied(rev, "a1")
	r.limit(ofrules.TableIngressNIC, 0)
	r.plug(4)
	h := r.status("a4 is not ready", func(h store.HostStatus) bool {
		return len(h.NICs) == 4 && strings.Contains(h.NICs[3].Error, "the switch refuses")
	})
	if h.NICs[3].Ready || !h.NICs[0].Ready {
		t.Errorf("NICs %+v", h.NICs)
	}
	r.limit(ofrules.TableIngressNIC, -1)
	r.applied(rev, "a1", "a4")
}

// TestZones: a conntrack zone is one NIC's, and empty when it gets another's.
func TestZones(t *testing.T) {
	r, p := settled(t)
	r.stop()
	r.timing.zoneGrace = 50 * time.Millisecond
	r.start()
	r.applied(0, "a1", "a2", "a3")
	conn := tcp(2, 1, 80)
	r.open(conn)
	zones := map[int]string{1: r.zone(1), 2: r.zone(2)}

	t.Log("an interface that is another NIC's now gets another zone, and the old one is emptied")
	rev := r.write(secgroup.Put(small.NIC(4)))
	r.applied(rev)
	r.ovs.Vsctl("set", "interface", "p1", "external_ids:iface-id=a4")
	r.applied(rev, "a4")
	if now := r.zone(1); now == zones[1] || !strings.Contains(now, "/a4") {
		t.Errorf("zone %s, was %s", now, zones[1])
	}
	r.promptly("the zone is emptied", func() string {
		if n := len(r.entries(conn)); n != 1 {
			return fmt.Sprintf("%d entries", n)
		}
		return ""
	})
	t.Log("it is free again")
	r.ovs.Vsctl("set", "interface", "p1", "external_ids:iface-id=a1")
	r.applied(rev, "a1")
	r.promptly("the row has its zone", func() string {
		if now := r.zone(1); now != zones[1] {
			return fmt.Sprintf("zone %s, was %s", now, zones[1])
		}
		return ""
	})

	t.Log("the zone of an interface that is gone is emptied")
	r.open(conn)
	r.ovs.Vsctl("del-port", bridge, "p2")
	r.eventually(patience, "the zone is emptied", func() string {
		if n := len(r.entries(conn)); n != 1 {
			return fmt.Sprintf("%d entries", n)
		}
		return ""
	})
	t.Log("and kept for nobody")
	r.plug(2)
	r.applied(rev, "a2")
	r.open(conn)
	r.applied(r.write(p.NoRule("web", "r1")))
	r.isCut(conn)
}
