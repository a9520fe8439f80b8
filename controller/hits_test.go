package controller

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Hits outlive the flows that counted them.
func TestHitsOutliveTheirFlows(t *testing.T) {
	r := newRig(t)
	r.store.Join(store.ClusterMember{ID: "api"}) // so that hosts know what others understand
	r.start()
	p := small.New()
	rev := r.write(append(p.Base(), p.Rule("web", "r1", secgroup.Ingress, secgroup.ProtocolTCP, 80, ""), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")))...)
	r.plug(1)
	r.plug(2)
	r.applied(rev, "a1", "a2")
	if a := ask[inquiry.HitsAnswer](r, inquiry.KindHits, inquiry.HitsQuestion{Account: "acme", Group: "web"}); len(a.Rules) != 0 || a.Since.IsZero() {
		t.Errorf("before any packet: %+v", a)
	}
	knock := func() {
		r.ovs.Appctl("netdev-dummy/receive", "p2", "in_port(2),eth(src=02:00:00:00:00:02,dst=02:00:00:00:00:01),eth_type(0x0800),ipv4(src=10.0.0.2,dst=10.0.0.1,proto=6,tos=0,ttl=64,frag=no),tcp(src=5000,dst=80),tcp_flags(0x002)")
	}
	knock()
	hits := func() uint64 {
		a := ask[inquiry.HitsAnswer](r, inquiry.KindHits, inquiry.HitsQuestion{Account: "acme", Group: "web"})
		if len(a.Rules) == 1 && a.Rules[0].Rule == "r1" {
			return a.Rules[0].Packets
		}
		return 0
	}
	r.eventually(patience, "a hit", func() string {
		if n := hits(); n != 1 {
			return "none"
		}
		return ""
	})
	r.status("what began, by account, is told with the next sign of life", func(h store.HostStatus) bool {
		return len(h.Begun) == 1 && h.Begun["acme"] == 2 && // at both ends: by the rule, and by open egress
			!h.BegunSince.IsZero()
	})
	rev = r.write(p.NoRule("web", "r1"))
	r.applied(rev)
	rev = r.write(p.Rule("web", "r1", secgroup.Ingress, secgroup.ProtocolTCP, 80, ""))
	r.applied(rev)
	if n := hits(); n != 1 {
		t.Errorf("%d hits after the flow was taken out and put in again, want 1", n)
	}
	// What the switch has counted for a former controller is no hit of this one.
	knock()
	r.eventually(patience, "a second hit", func() string {
		if n := hits(); n != 2 {
			return fmt.Sprint(n)
		}
		return ""
	})
	before := time.Now()
	r.stop()
	r.start()
	r.status("the controller is there anew", func(h store.HostStatus) bool { return h.Started.After(before) && h.Applied == rev && h.Connected })
	if n := hits(); n != 0 {
		t.Errorf("%d hits of before", n)
	}
	knock()
	r.eventually(patience, "a hit of this run", func() string {
		if n := hits(); n != 1 {
			return fmt.Sprint(n)
		}
		return ""
	})
}
