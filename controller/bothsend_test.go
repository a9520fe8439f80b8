package controller

import (
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
)

// TestBothEndsSendWithinAHost: two NICs of a host that no rule connects, and whose
// egress is open, get nothing of what they send to each other, although both begin,
// with the same ports, again and again. A rule that lets one in brings about a
// connection as ever, whoever was first, and ends it when it goes.
func TestBothEndsSendWithinAHost(t *testing.T) {
	r, p := newRig(t), small.New()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))...)
	r.start()
	r.plugged(1, 2)
	r.applied(rev)
	for _, proto := range []layers.IPProtocol{layers.IPProtocolUDP, layers.IPProtocolTCP} {
		there := firstPacket{from: 2, to: 1, proto: proto, sport: 5000, dport: 5001} // both are SYNs
		name := map[layers.IPProtocol]secgroup.Protocol{layers.IPProtocolUDP: "udp", layers.IPProtocolTCP: "tcp"}[proto]
		heard := func(what string, want1, want2 bool) {
			t.Helper()
			const rounds = 4
			before1, before2 := r.sent("p1"), r.sent("p2")
			for range rounds {
				r.send(there)
				r.send(there.reply())
			}
			got1, got2 := r.sent("p1")-before1, r.sent("p2")-before2
			// The first of all may have come before there was anything to answer.
			if (got1 >= rounds-1) != want1 || !want1 && got1 > 0 || (got2 >= rounds-1) != want2 || !want2 && got2 > 0 {
				t.Errorf("%s: %s: of %d packets a1 got %d and a2 %d; connections %v", name, what, rounds, got1, got2, r.all())
			}
		}
		heard("no rule", false, false)
		if proto == layers.IPProtocolTCP { // to this conntrack a SYN is no answer to a SYN
			continue
		}
		r.applied(r.write(p.Rule("web", "in", secgroup.Ingress, name, 5001, "db")))
		heard("a rule lets a1 take it", true, true)
		r.applied(r.write(p.NoRule("web", "in")))
		heard("the rule is gone", false, false)
	}
}
