package controller

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// TestForgotten: where the switch has forgotten its connections, what is allowed
// goes on within a second, TCP without a SYN, whichever end begins to send, and it
// is known who began; what is cut stays cut.
func TestForgotten(t *testing.T) {
	client := netip.MustParseAddr("192.0.2.7")
	open, cut := talk{client: client, proto: layers.IPProtocolTCP, port: 40000}, talk{client: client, proto: layers.IPProtocolUDP, port: 40000}
	for name, forget := range map[string]func(r *rig){
		"flushed": func(r *rig) { r.ovs.Appctl("dpctl/flush-conntrack") },
		"flushed, and the policy was just read anew": func(r *rig) {
			r.policy.anew.Store(true)
			r.applied(r.write(secgroup.Put(small.NIC(2))))
			r.ovs.Appctl("dpctl/flush-conntrack")
		},
		"flushed, and the controller was just started, with other groups": func(r *rig) {
			r.stop()
			r.timing.unsure = pickUpNotAfter
			rev := r.write(secgroup.Put(small.Attach("db", "a1")))
			r.start()
			r.applied(rev, "a1")
			r.forget()
		},
		"restarted": func(r *rig) {
			r.restartVswitchd()
			r.applied(1, "a1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := newRig(t), small.New()
			r.withUplink()
			rev := r.write(append(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1"))), services(p)...)...)
			r.start()
			r.plugged(1)
			r.applied(rev)
			r.begin(open)
			r.begin(cut)
			r.applied(r.write(p.NoRule("web", "udp")))
			for round, server := range []bool{true, false} {
				r.sentinelSeen()
				ctx, stop := context.WithCancel(t.Context())
				var work sync.WaitGroup
				work.Go(func() { // the one answers the other
					first, second := open.fromClient(t), open.fromServer(t)
					from, to := "up", "p1"
					if server {
						first, second, from, to = second, first, to, from
					}
					for ctx.Err() == nil {
						r.inject(from, first)
						_ = pause.For(ctx, time.Millisecond)
						r.inject(to, second)
						_ = pause.For(ctx, 20*time.Millisecond)
					}
				})
				forget(r)
				in, out := r.sent("p1"), r.sent("up")
				slowness.Within(t, time.Second, "both hear each other", func() {
					r.eventually(patience, "both hear each other", func() string {
						if in, out := r.sent("p1")-in, r.sent("up")-out; in == 0 || out == 0 {
							return fmt.Sprintf("the server heard %d, the client %d", in, out)
						}
						if !slices.ContainsFunc(r.all(), func(c unixctl.Conn) bool { return ofrules.IsCut(c.Labels) }) { // what was picked up before goes on at once
							return "the switch does not know what is cut"
						}
						return ""
					})
				})
				stop()
				work.Wait()
				if in, out := r.heard(cut); in != 0 || out != 0 {
					t.Errorf("round %d: cut, the server hears %d and the client %d; connections %v", round, in, out, r.all())
				}
				for _, c := range r.all() {
					if c.Orig.Src != client || c.Proto == uint8(open.proto) != ofrules.IsPickedUp(c.Labels) {
						t.Errorf("round %d: %+v", round, c)
					}
				}
			}
			t.Log("what was picked up ends with its rule")
			r.applied(r.write(p.NoRule("web", "tcp")))
			if in, out := r.heard(open); in != 0 || out != 0 {
				t.Errorf("the server hears %d and the client %d; connections %v", in, out, r.all())
			}
		})
	}
}

// TestPickedUpWhoBegan: what a NIC sends after the switch forgot its connections is
// answered at once; but if the other end could have begun it, it is taken for the
// one that did, however long the NIC was heard alone.
func TestPickedUpWhoBegan(t *testing.T) {
	k := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolTCP, port: 40000}
	for _, served := range []bool{false, true} {
		t.Run(fmt.Sprintf("the NIC serves it %t", served), func(t *testing.T) {
			r, p := newRig(t), small.New()
			r.withUplink()
			policy := append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1")))
			if served {
				policy = append(policy, services(p)...)
			}
			rev := r.write(policy...)
			r.start()
			r.plugged(1)
			r.applied(rev)
			r.forget()
			r.pickingUp()
			passed := r.sent("up")
			r.eventually(patience, "what the NIC sends passes", func() string {
				if r.inject("p1", k.fromServer(t)); r.sent("up") == passed {
					return "it does not"
				}
				return ""
			})
			// However long: for two looks at who has been heard.
			for end := time.Now().Add(2 * pickUpLook); served && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				r.inject("p1", k.fromServer(t))
			}
			r.drops(10, "a1")
			heard := r.sent("p1")
			r.inject("up", k.fromClient(t))
			r.eventually(patience, "the answer arrives", func() string {
				if r.sent("p1") == heard {
					return fmt.Sprint("connections ", r.all())
				}
				return ""
			})
			for _, c := range r.all() {
				if served != (c.Orig.Src == k.client) || !ofrules.IsPickedUp(c.Labels) {
					t.Errorf("%+v", c)
				}
			}
			r.inject("up", k.fromClient(t))
			time.Sleep(100 * time.Millisecond) // what must not be told has the time that reports take
			if a := r.drops(1, "a1"); len(a.Drops)+len(a.Totals) > 0 {
				t.Errorf("told to be dropped although it passed: %v, %v", counts(a), totals(a))
			}
			if !served {
				return
			}
			r.applied(r.write(p.NoRule("web", "tcp")))
			if in, out := r.heard(k); in != 0 || out != 0 {
				t.Errorf("without its rule the server hears %d and the client %d; connections %v", in, out, r.all())
			}
		})
	}
}

// TestPickedUpWithin: two NICs of a host go on with TCP that the switch has forgotten,
// whichever is heard first. Each takes the other's packets for replies to its own;
// all the same they pass only if rules let one of the two begin it: a rule that went
// while the switch knew of no connection is not to be outlived by it.
func TestPickedUpWithin(t *testing.T) {
	k := talk{client: small.Address4(2), proto: layers.IPProtocolTCP, port: 40000, local: 2}
	for _, served := range []bool{false, true} {
		for _, serverFirst := range []bool{false, true} {
			t.Run(fmt.Sprintf("served %t, the server is heard first %t", served, serverFirst), func(t *testing.T) {
				r, p := newRig(t), small.New()
				policy := append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))
				if served {
					policy = append(policy, services(p)...)
				}
				rev := r.write(policy...)
				r.start()
				r.plugged(1, 2)
				r.applied(rev)
				r.forget()
				r.pickingUp()
				server, client := r.sent("p1"), r.sent("p2")
				frames := map[string]string{"p1": k.fromServer(t), "p2": k.fromClient(t)}
				order := []string{"p2", "p1"}
				if serverFirst {
					slices.Reverse(order)
				}
				const packets = 20
				for range packets {
					for _, from := range order {
						r.deliver(from, frames[from])
					}
				}
				arrive := func() string {
					server, client := r.sent("p1")-server, r.sent("p2")-client
					// The first of each may come before the other end has been heard.
					if !served && server+client > 0 || served && (server < packets-1 || client < packets-2) {
						return fmt.Sprintf("of %d packets the server hears %d, the client %d; connections %v", packets, server, client, r.all())
					}
					return ""
				}
				if served {
					r.eventually(patience, "both hear each other", arrive)
				} else {
					r.stays(50*time.Millisecond, "nothing allows it", arrive)
				}
			})
		}
	}
}

// TestPickedUpAnswers: of TCP that the switch has forgotten only one end may have
// anything to send, and it need not be the one that began: the receiver of a long
// answer says nothing before it hears the next of it. What the other end may have
// begun goes on all the same, as an answer, and what nobody may have does not.
func TestPickedUpAnswers(t *testing.T) {
	away, within := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolTCP, port: 40000}, talk{client: small.Address4(2), proto: layers.IPProtocolTCP, port: 40000, local: 2}
	asks := talk{client: away.client, proto: layers.IPProtocolTCP, port: tcpService} // of the service there
	for _, c := range []struct {
		name   string
		k      talk
		allow  func(p *small.Policy) []secgroup.Change
		client bool   // a1 asks, and is answered; else it is the server, which answers
		to     string // where the answer arrives, if it does
		passes bool
	}{
		{"a server whose egress is restricted", away, func(p *small.Policy) []secgroup.Change { return append(services(p), listed(p, "web")) }, false, "up", true},
		{"a server whose egress is restricted, and that serves nobody", away, func(p *small.Policy) []secgroup.Change { return []secgroup.Change{listed(p, "web")} }, false, "up", false},
		{"a client", asks, nil, true, "p1", true},
		{"a client whose egress is restricted", asks, func(p *small.Policy) []secgroup.Change { return []secgroup.Change{listed(p, "web")} }, true, "p1", false},
		{"a client whose egress is restricted to the service", asks, func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{listed(p, "web"), p.Rule("web", "out", secgroup.Egress, "tcp", tcpService, "")}
		}, true, "p1", true},
		{"within a host", within, func(p *small.Policy) []secgroup.Change { return services(p) }, false, "p2", true},
		{"within a host, of a server whose egress is restricted", within, func(p *small.Policy) []secgroup.Change { return append(services(p), listed(p, "web")) }, false, "p2", true},
		{"within a host, of nobody who serves", within, nil, false, "p2", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, p := newRig(t), small.New()
			r.withUplink()
			policy := append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))
			if c.allow != nil {
				policy = append(policy, c.allow(p)...)
			}
			rev := r.write(policy...)
			r.start()
			r.plugged(1, 2)
			r.applied(rev)
			r.forget()
			r.pickingUp()
			from, answer, question, began := "p1", c.k.fromServer(t), c.k.fromClient(t), c.k.client
			if c.client {
				from, answer, question, began = "up", question, answer, small.Address4(1)
			}
			before := r.sent(c.to)
			const packets = 20
			for range packets {
				r.deliver(from, answer)
				time.Sleep(5 * time.Millisecond)
			}
			arrive := func() string {
				heard := r.sent(c.to) - before
				// The first may meet what the switch had cached.
				if c.passes && heard < packets-1 || !c.passes && heard > 0 {
					return fmt.Sprintf("of %d packets %d arrive; connections %v", packets, heard, r.all())
				}
				return ""
			}
			if !c.passes {
				r.stays(50*time.Millisecond, "nothing passes", arrive)
				return
			}
			r.eventually(patience, "the packets pass", arrive)
			t.Log("the one who began is known when it is heard")
			r.inject(c.to, question)
			r.eventually(patience, "it is tracked", func() string {
				all := r.all()
				ok := len(all) > 0
				for _, conn := range all {
					ok = ok && conn.Orig.Src == began && ofrules.IsPickedUp(conn.Labels)
				}
				if !ok {
					return fmt.Sprint("connections ", all)
				}
				return ""
			})
		})
	}
}

// picksUp is how many flows pick up TCP, or keep a NIC from it.
func (r *rig) picksUp() int {
	r.t.Helper()
	return strings.Count(r.ovs.Ofctl("dump-flows", bridge), fmt.Sprintf("cookie=%#x", ofrules.PickUpCookie))
}

// pickingUp waits until the switch does.
func (r *rig) pickingUp() {
	r.t.Helper()
	r.eventually(patience, "TCP is picked up", func() string {
		if n := r.picksUp(); n < len(ofrules.PickUp()) {
			return fmt.Sprintf("%d flows do", n)
		}
		return ""
	})
}

// listed restricts what a group's VMs may send.
func listed(p *small.Policy, group string) secgroup.Change {
	return p.With(group, func(g *secgroup.Group) { g.EgressPolicy = secgroup.EgressListed })
}

// TestNewcomerOnlyOnce: a NIC that was new when the switch forgot its connections is
// not the next time, although what keeps it from being picked up would last longer.
func TestNewcomerOnlyOnce(t *testing.T) {
	k := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolTCP, port: 40000}
	r, p := newRig(t), small.New()
	r.timing.unsure = 10 * time.Second
	r.withUplink()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1")))...)
	r.start()
	r.plugged(1)
	r.applied(rev)
	plugged := time.Now()
	passes := func() bool {
		before := r.sent("up")
		r.deliver("p1", k.fromServer(t))
		return r.sent("up") > before
	}
	r.forget()
	r.eventually(patience, "TCP is picked up", func() string {
		if n := r.picksUp(); n <= len(ofrules.PickUp()) {
			return fmt.Sprintf("%d flows do, or keep the NIC from it", n)
		}
		return ""
	})
	if passes() {
		t.Error("it passes although the NIC is new")
	}
	time.Sleep(time.Until(plugged.Add(r.timing.unsure))) // until it is new no more
	r.forget()
	r.eventually(patience, "it passes", func() string {
		if passes() {
			return ""
		}
		return "it does not"
	})
	if n := r.picksUp(); n != len(ofrules.PickUp()) {
		t.Errorf("%d flows pick up or keep a NIC from it", n)
	}
}
