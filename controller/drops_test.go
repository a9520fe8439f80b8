package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
)

// guarded is a rig with the NICs a1 and a2; a2 takes tcp 80 from anybody.
func guarded(t *testing.T, nics ...int) (*rig, *small.Policy) {
	t.Helper()
	r := newRig(t)
	return r, r.guard(nics...)
}

// guard starts the controller with that policy.
func (r *rig) guard(nics ...int) *small.Policy {
	r.t.Helper()
	p := small.New()
	changes := append(p.Base(), p.Rule("db", "r1", secgroup.Ingress, "tcp", 80, ""))
	for _, n := range nics {
		changes = append(changes, secgroup.Put(small.NIC(n)), secgroup.Put(small.Attach("db", small.NIC(n).ID)))
	}
	rev := r.write(changes...)
	r.start()
	r.plugged(nics...)
	r.applied(rev)
	return p
}

// drops asks what was dropped, and has drops looked at for some seconds.
func (r *rig) drops(seconds int, nics ...string) inquiry.DropsAnswer {
	r.t.Helper()
	return ask[inquiry.DropsAnswer](r, inquiry.KindDrops, inquiry.DropsQuestion{NICs: nics, Seconds: seconds})
}

// counts are what an answer tells, "nic direction reason dst port" and how often.
func counts(a inquiry.DropsAnswer) map[string]uint64 {
	out := map[string]uint64{}
	for _, d := range a.Drops {
		out[fmt.Sprintln(d.NIC, d.Direction, d.Reason, d.Packet.Src, d.Packet.Dst, d.Packet.Proto, d.Packet.DstPort)] += d.Count
	}
	return out
}

func totals(a inquiry.DropsAnswer) map[string]uint64 {
	out := map[string]uint64{}
	for _, d := range a.Totals {
		out[d.NIC+" "+d.Direction+" "+d.Reason] += d.Packets
	}
	return out
}

// watches are the flows that look.
func (r *rig) watches() (n int) {
	for _, f := range r.flows() {
		if strings.Contains(f, "cookie=0x52470b") {
			n++
		}
	}
	return n
}

// While somebody looks, drops are told with tuple, reason and count; before and
// afterwards no flow is there for it.
func TestDropsAreTold(t *testing.T) {
	r, _ := guarded(t, 1, 2)
	before := r.flows()
	if a := r.drops(2, "a1", "a2"); len(a.Drops)+len(a.Totals) > 0 || a.Rate != 100 {
		t.Errorf("drops of before: %+v", a)
	}
	if r.watches() == 0 {
		t.Error("nobody looks")
	}
	spoofed := tcp(1, 2, 80)
	spoofed.from = 3
	odd := udp(1, 2, 53)
	odd.v6 = true
	// Somebody looks on all the while, however slow the machine is.
	for range 7 {
		r.drops(3, "a1", "a2")
		r.send(tcp(1, 2, 81))
	}
	for range 3 {
		r.drops(3, "a1", "a2")
		r.sendAt("p1", spoofed)
		r.send(odd)
	}
	r.send(tcp(1, 2, 80)) // passes
	line := func(s ...any) string { return fmt.Sprintln(s...) }
	want := map[string]uint64{
		line("a2", "ingress", "no-rule", small.Address4(1), small.Address4(2), 6, 81):  7,
		line("a2", "ingress", "no-rule", small.Address6(1), small.Address6(2), 17, 53): 3,
		line("a1", "egress", "spoofed", small.Address4(3), small.Address4(2), 6, 80):   3,
	}
	var last inquiry.DropsAnswer
	r.eventually(patience, "drops are told", func() string {
		last = r.drops(2, "a1", "a2")
		sum := totals(last)
		if got := counts(last); fmt.Sprint(got) != fmt.Sprint(want) || sum["a2 ingress no-rule"] != 10 || sum["a1 egress spoofed"] != 3 || len(sum) != 2 {
			return fmt.Sprint(got, sum)
		}
		return ""
	})
	for _, d := range last.Drops {
		if d.SrcMAC == "" || d.EtherType == 0 || d.Detail == "" || d.First.After(d.Last) || d.Last.After(last.Now) {
			t.Errorf("an incomplete drop: %+v", d)
		}
	}
	if a := r.drops(2, "a1"); len(a.Drops) != 1 || len(a.Totals) != 1 {
		t.Errorf("of a1 alone: %+v", a)
	}
	if a := ask[inquiry.DropsAnswer](r, inquiry.KindDrops, inquiry.DropsQuestion{NICs: []string{"a2"}, Seconds: 2, Since: last.Now}); len(a.Drops) > 0 {
		t.Errorf("after all that: %+v", a.Drops)
	}
	r.eventually(patience, "nobody looks any more", func() string {
		if now := r.flows(); !slices.Equal(now, before) {
			return fmt.Sprint(len(now), " flows, before ", len(before))
		}
		return ""
	})
	r.eventually(patience, "no meters are left", func() string { // they go after the flows
		if meters := r.ovs.Ofctl("-O", "OpenFlow15", "dump-meters", bridge); strings.Contains(meters, "rate") {
			return meters
		}
		return ""
	})
	if d := r.counter("drift_repaired_total"); d != 0 {
		t.Errorf("%v flows were taken for somebody else's", d)
	}
}

// A flood is held back by the meter: some are told of, all are counted, and the
// controller goes on as ever.
func TestDropFloodIsHeldBack(t *testing.T) {
	r, p := guarded(t, 1, 2)
	since := time.Now()
	r.drops(60, "a1", "a2")
	const flood = 20000
	frame := tcp(1, 2, 81).frame(t)
	// A dummy interface loses what a busy switch is slow to take.
	for sent := 0; sent < flood || r.received("p1") < flood/10; sent += 100 {
		if _, err := r.ctl.Call(t.Context(), "netdev-dummy/receive", append([]string{"p1"}, slices.Repeat([]string{frame}, 100)...)...); err != nil {
			t.Fatal(err)
		}
	}
	r.applied(r.write(p.Rule("db", "r2", secgroup.Ingress, "tcp", 82, "")))
	r.passes(1, 2, "tcp", 82)
	r.eventually(patience, "all are counted", func() string {
		a := r.drops(60, "a1", "a2")
		got := r.received("p1")
		n := totals(a)["a2 ingress no-rule"]
		if n != got || n < flood/10 {
			return fmt.Sprint(n, " of ", got)
		}
		most := uint64(float64(a.Rate) * (2 + time.Since(since).Seconds())) // a second's worth at once, and the second under way
		if len(a.Drops) != 1 || a.Drops[0].Count == 0 || a.Drops[0].Count > min(n, most) {
			return fmt.Sprintf("told of %+v, at most %d were looked at", a.Drops, most)
		}
		return ""
	})
}

// Packets of a connection that was cut are counted whether somebody looks or not.
func TestDropsOfCutConnections(t *testing.T) {
	r, p := guarded(t, 1, 2)
	r.applied(r.write(p.Rule("db", "r2", secgroup.Ingress, "udp", 53, "")))
	r.open(udp(1, 2, 53))
	r.applied(r.write(p.NoRule("db", "r2")))
	want := fmt.Sprintln("a2", "egress", "cut", small.Address4(2), small.Address4(1), 17, clientPort)
	r.eventually(patience, "a drop is told", func() string {
		r.send(udp(1, 2, 53).reply())
		if got := counts(r.drops(2, "a2")); got[want] == 0 {
			return fmt.Sprint(got)
		}
		return ""
	})
}

// Who looked is gone with the controller: the next one takes the flows away.
func TestWatchesEndWithTheController(t *testing.T) {
	r, _ := guarded(t, 1, 2)
	before := r.flows()
	r.drops(60, "a1", "a2")
	r.stop()
	if r.watches() == 0 {
		t.Fatal("nobody looked")
	}
	r.start()
	r.eventually(patience, "nobody looks any more", func() string {
		if now := r.flows(); !slices.Equal(now, before) {
			return fmt.Sprint(len(now), " flows, before ", len(before))
		}
		return ""
	})
	r.drops(30, "a1") // with the meters that are still there
	r.send(tcp(2, 1, 81))
	r.eventually(patience, "a drop is told", func() string { return missing(len(r.drops(30, "a1").Drops), 1) })
}

func missing(got, want int) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("%d, want %d", got, want)
}

// A NIC that is plugged and waits for its flows is not ready; one that is plugged
// elsewhere is looked at there, and none of what goes on in its former place.
func TestDropsFollowTheNIC(t *testing.T) {
	r, _ := guarded(t, 1, 2)
	r.plug(3) // of which the policy knows nothing
	r.eventually(patience, "a drop is told", func() string {
		p := tcp(3, 2, 80)
		a := r.drops(30, "a3", "a1")
		r.send(p)
		if counts(a)[fmt.Sprintln("a3", "egress", "not-ready", small.Address4(3), small.Address4(2), 6, 80)] == 0 {
			return fmt.Sprint(counts(a))
		}
		return ""
	})
	r.ovs.Vsctl("--", "del-port", bridge, "p1", "--", "add-port", bridge, "q1", "--", "set", "Interface", "q1", "type=dummy", "ofport_request=1", "external_ids:iface-id=stranger",
		"--", "add-port", bridge, "q9", "--", "set", "Interface", "q9", "type=dummy", "ofport_request=9", "external_ids:iface-id=a1")
	r.eventually(patience, "a drop is told", func() string {
		a := r.drops(30, "a1")
		r.sendAt("q9", tcp(2, 1, 80))
		r.sendAt("q1", tcp(7, 1, 80))
		n := counts(a)
		for k := range n {
			if strings.Contains(k, small.Address4(7).String()) {
				t.Fatalf("a stranger's packet is told of: %s", k)
			}
		}
		return missing(len(n), 1)
	})
}
