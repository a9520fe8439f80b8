package controller

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
)

// TestMegaflowsFollow: after each change of a prefix, packets from everywhere
// meet the policy of now, though cached megaflows of all those before overlap.
func TestMegaflowsFollow(t *testing.T) {
	testMegaflowsFollow(t, false, rounds(testing.Short()))
}

// The same of prefixes that are only added: no pass is awaited for these.
func TestMegaflowsFollowWhatIsAdded(t *testing.T) {
	testMegaflowsFollow(t, true, rounds(testing.Short()))
}

// rounds is how many changes there are: fewer before the race detector, which finds
// nothing by more packets.
func rounds(short bool) int {
	if short {
		return 8
	}
	return 40
}

func testMegaflowsFollow(t *testing.T, only bool, rounds int) {
	r, p := newRig(t), small.New()
	r.withUplink()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1")))...)
	r.start()
	r.plugged(1)
	r.applied(rev)
	gen := rand.New(rand.NewPCG(1, 1))
	at := func(n int) netip.Prefix { // around an address, from /20 to /32
		bits := 20 + gen.IntN(13)
		if only { // so that most are shut to the end
			bits = max(bits, 26)
		}
		prefix, err := small.Address4(n).Prefix(bits)
		if err != nil {
			t.Fatal(err)
		}
		return prefix
	}
	const senders = 4096
	sport := uint16(2000)
	var open []netip.Prefix
	for round := range rounds {
		more := 1
		if !only {
			open, more = nil, gen.IntN(4)
		}
		for range more {
			open = append(open, at(2+gen.IntN(senders-2)))
		}
		r.applied(r.write(p.With("web", func(g *secgroup.Group) {
			g.Rules = nil
			for i, prefix := range open {
				id := fmt.Sprintf("r%d", i)
				if !only {
					id = fmt.Sprintf("r%d-%d", round, i)
				}
				rule := secgroup.Rule{ID: id, Direction: secgroup.Ingress, Protocol: "udp", PortMin: 53, Enabled: true, RemoteCIDR: prefix}
				rule.Normalize()
				g.Rules = append(g.Rules, rule)
			}
		})))
		allowed := func(n int) bool {
			for _, prefix := range open {
				if prefix.Contains(small.Address4(n)) {
					return true
				}
			}
			return false
		}
		asked := map[firstPacket]bool{}
		ask := func(n int) {
			sport++
			q := udp(n, 1, 53)
			q.sport = sport
			asked[q] = allowed(n)
			r.sendAt("up", q)
		}
		for range 40 {
			ask(2 + gen.IntN(senders-2))
		}
		for _, prefix := range open[max(0, len(open)-4):] { // and some that are let in
			first := prefix.Masked().Addr().As4()
			for i := range min(5, 1<<(32-prefix.Bits())) {
				ask(max(2, int(first[2])<<8|int(first[3])+i))
			}
		}
		for q, want := range asked {
			found := func() bool { return len(r.entries(q)) > 0 }
			for end := time.Now().Add(patience); want && !found() && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if found() != want {
				t.Errorf("round %d, open to %v: %v: let in %v, want %v", round, open, q, !want, want)
			}
		}
		if t.Failed() {
			return
		}
	}
}
