package ofrules_test

import (
	"fmt"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Within a host, what its sender began is judged by the receiver's rules, whatever
// the receiver's end takes it for: both ends may have begun to send. What answers
// passes, also where the receiver's end takes it for what it began.
func TestBothEndsSend(t *testing.T) {
	t.Parallel()
	const policies, packets = 20, 100
	const reply = of.CTTrk | of.CTEst | of.CTRpl
	refused, let := 0, 0
	for seed := range uint64(policies) {
		g := policytest.Seeded(7000+seed, policytest.Options{Guard: seed%2 == 1})
		s := policytest.Load(g.Policy())
		f := newFabric(s, 1)
		for range packets {
			c, ok := g.Packet(s)
			if !ok {
				t.Fatal("no packet")
			}
			if c.Src == nil || c.Dst == nil || c.Src.ID == c.Dst.ID || !f.oneSegment(c.Src, c.Dst) || c.Packet.Proto == packet.ProtoICMP || c.Packet.Proto == packet.ProtoICMPv6 ||
				c.Src.Enforcement == secgroup.EnforcementOff || c.Dst.Enforcement == secgroup.EnforcementOff {
				continue
			}
			egress, ingress, _ := verdict.Decide(s, c.Src, c.Dst, c.Packet)
			if guards(*egress) || guards(*ingress) {
				continue
			}
			terms := fields(c.Packet, c.Src)
			f.expect(t, c, f.send(t, c.Src, c.Dst.MAC, terms, of.CTTrk|of.CTNew, reply), false, only(c.Dst, egress.Allow && ingress.Allow))
			for state, want := range map[uint32]bool{of.CTTrk | of.CTEst: ingress.Allow, reply: ingress.Allow || c.Packet.Proto != packet.ProtoTCP} { // of TCP they are SYNs
				tr := f.send(t, c.Src, c.Dst.MAC, terms, state, reply)
				if fmt.Sprint(tr.reached) != fmt.Sprint(only(c.Dst, want)) {
					t.Fatalf("%s\nreaches %v, expected %v\n%s", describeCase(s, c), tr.reached, want, tr.story())
				}
			}
			if ingress.Allow {
				let++
			} else {
				refused++
			}
		}
	}
	if refused < 50 || let < 50 {
		t.Errorf("%d refused, %d let through", refused, let)
	}
}

// guards tells whether the guard decides, whatever is open.
func guards(d verdict.Decision) bool {
	switch d.Reason {
	case verdict.ReasonRule, verdict.ReasonNoRule, verdict.ReasonUnrestricted, verdict.ReasonBaseline:
		return false
	default:
		return true
	}
}
