package revoke

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
	"github.com/ringfence/ringfence/verdict"
)

// tracked is an open connection and the NICs at its ends, "" for one that is
// not ours.
type tracked struct {
	src, dst string
	packet   packet.Tuple
	marks    [2]uint32 // in the source's zone, in the destination's
}

// stored returns the connection as it stands in the zone of one end.
func (c tracked) stored(end int) unixctl.Conn {
	p := c.packet
	return unixctl.Conn{Proto: p.Proto, Mark: c.marks[end], Orig: unixctl.Tuple{
		Src: p.Src, Dst: p.Dst, SPort: p.SrcPort, DPort: p.DstPort, ICMPType: p.ICMPType, ICMPCode: p.ICMPCode,
	}}
}

func (c tracked) String() string { return fmt.Sprintf("%q > %q %+v", c.src, c.dst, c.packet) }

// open draws a packet that is allowed and passes through connection tracking.
func open(g *policytest.Gen, s *secgroup.Snapshot) (tracked, bool) {
	drawn, ok := g.Packet(s)
	if !ok {
		return tracked{}, false
	}
	egress, ingress, allow := verdict.Decide(s, drawn.Src, drawn.Dst, drawn.Packet)
	if !allow {
		return tracked{}, false
	}
	c := tracked{packet: drawn.Packet}
	for end, d := range []*verdict.Decision{egress, ingress} {
		if d == nil {
			continue
		}
		switch d.Reason {
		case verdict.ReasonGuard:
			return tracked{}, false
		case verdict.ReasonUnrestricted:
			c.marks[end] = ofrules.MarkUnrestricted
		case verdict.ReasonBaseline:
			c.marks[end] = ofrules.MarkBaseline
		default:
			c.marks[end] = 100
		}
	}
	if drawn.Src != nil {
		c.src = drawn.Src.ID
	}
	if drawn.Dst != nil {
		c.dst = drawn.Dst.ID
	}
	return c, true
}

// TestLossIsSound: whatever a change takes away is in its loss. For random
// histories, every connection that was allowed before a change and is not after
// it is touched, at each of its ends that can know; and it is judged as verdict
// judges it.
func TestLossIsSound(t *testing.T) {
	t.Parallel()
	lost, cuts := map[string]int{}, 0
	for seed := range uint64(8) {
		for _, o := range []policytest.Options{{NICs: 8}, {NICs: 8, Guard: true, Multicast: true}} {
			testHistory(t, seed, o, 60, lost, &cuts)
		}
	}
	t.Logf("%d connections lost their ground, by %v", cuts, lost)
	if cuts < 700 || len(lost) < 12 {
		t.Errorf("only %d connections by %d kinds of changes", cuts, len(lost))
	}
}

func testHistory(t *testing.T, seed uint64, o policytest.Options, steps int, lost map[string]int, cuts *int) {
	g := policytest.Seeded(seed, o)
	s := secgroup.NewSnapshot()
	s, _ = s.With(1, g.Policy())
	shuffle := rand.New(rand.NewPCG(seed, 1))
	for step := range steps {
		var conns []tracked
		for range 80 {
			if c, ok := open(g, s); ok {
				conns = append(conns, c)
			}
		}
		var before, beforePicked [2][]bool
		for _, c := range conns {
			for end, id := range []string{c.src, c.dst} {
				n := s.NIC(id)
				before[end] = append(before[end], n != nil && allowed(s, n, c.stored(end)))
				picked := c.stored(end)
				picked.Labels[15] = 2
				beforePicked[end] = append(beforePicked[end], n != nil && allowed(s, n, picked))
			}
		}
		names, changes := []string{}, []secgroup.Change{}
		later := policytest.Load(all(s)) // steps of one revision follow one another
		for range 1 + shuffle.IntN(2) {
			name, more := g.Step(later)
			later, _ = later.With(1, more)
			names, changes = append(names, name), append(changes, more...)
		}
		diff := impact.Begin(s, changes)
		s, _ = s.With(int64(step+2), changes)
		c := diff.End(s).Loss
		for i, conn := range conns {
			for end, id := range []string{conn.src, conn.dst} {
				n := s.NIC(id)
				if n == nil || n.Enforcement == secgroup.EnforcementOff {
					continue // is cut anyway; has no connections
				}
				now := allowed(s, n, conn.stored(end))
				if before[end][i] && !now && !c.Touches(s, n, openConn(conn.stored(end))) {
					t.Fatalf("seed %d step %d, %q: %v is not allowed any more at its end %d and not touched by %+v", seed, step, names, conn, end, c)
				}
				if before[end][i] && !now {
					lost[names[0]]++
					*cuts++
				}
				if want, known := judged(s, n, end, conn); known && now != want {
					t.Fatalf("seed %d step %d, %q: %v at its end %d is judged %v", seed, step, names, conn, end, now)
				}
				// Picked up in mid-stream, it is judged at both ends.
				picked := conn.stored(end)
				picked.Labels[15] = 2
				if !ofrules.IsPickedUp(picked.Labels) {
					t.Fatal("this is not how what is picked up is known")
				}
				if now := allowed(s, n, picked); beforePicked[end][i] && !now && !c.Touches(s, n, openConn(picked)) {
					t.Fatalf("seed %d step %d, %q: %v, picked up, is not allowed any more at its end %d and not touched by %+v", seed, step, names, conn, end, c)
				}
			}
			if src, dst := s.NIC(conn.src), s.NIC(conn.dst); src != nil && dst != nil {
				_, _, allow := verdict.Decide(s, src, dst, conn.packet)
				_, clear0 := judged(s, src, 0, conn)
				_, clear1 := judged(s, dst, 1, conn)
				if clear0 && clear1 && !allow && allowed(s, src, conn.stored(0)) && allowed(s, dst, conn.stored(1)) {
					t.Fatalf("seed %d step %d, %q: nobody cuts %v", seed, step, names, conn)
				}
			}
		}
	}
}

// judged says how verdict judges an open connection at one end, if it is clear
// which end it is.
func judged(s *secgroup.Snapshot, n *secgroup.NIC, end int, c tracked) (allow, known bool) {
	if sent, received := impact.Ends(s, n, openConn(c.stored(end))); sent == received || sent != (end == 0) {
		return false, !sent && !received
	}
	if end == 0 {
		return verdict.Egress(s, n, c.packet).Allow, true
	}
	return verdict.Ingress(s, n, c.packet).Allow, true
}

// all returns what makes a snapshot.
func all(s *secgroup.Snapshot) []secgroup.Change {
	var changes []secgroup.Change
	for o := range s.Objects() {
		changes = append(changes, secgroup.Put(o))
	}
	return changes
}
