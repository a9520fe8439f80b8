package share_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

type quiet struct{}

func (quiet) Follow(context.Context, store.Handler) error { return nil }

// TestAShareJudgesAsThePolicyDoes: for random histories, with NICs that come to a
// host and leave it, a host judges its own ends by its share exactly as by the whole
// policy, and whatever they refuse from then on is in the loss that the share tells,
// also when many changes were not taken.
func TestAShareJudgesAsThePolicyDoes(t *testing.T) {
	t.Parallel()
	lost := map[string]int{}
	for seed := range uint64(10) {
		testHistory(t, seed, policytest.Options{NICs: 8, Guard: seed%2 == 1, Multicast: seed%2 == 1}, 60, lost)
	}
	t.Logf("lost their ground: %v", lost)
	sum := 0
	for _, n := range lost {
		sum += n
	}
	if sum < 300 || len(lost) < 10 {
		t.Errorf("only %d connections by %d kinds of changes", sum, len(lost))
	}
}

// end is a connection at the end of a NIC.
type end struct {
	nic  string
	conn impact.Conn
}

func (e end) String() string { return fmt.Sprintf("%s: %+v", e.nic, e.conn) }

func testHistory(t *testing.T, seed uint64, o policytest.Options, steps int, lost map[string]int) {
	const host = "h1"
	g := policytest.Seeded(seed, o)
	changes := g.Policy()
	s := policytest.Load(changes)
	w, h := whole.New(quiet{}, host), share.New(host, func() {}, nil)
	_ = w.Follow(t.Context(), h)
	draw := rand.New(rand.NewPCG(seed, 3))
	plugged := map[string]bool{}
	plug := func() {
		for _, n := range s.NICs() {
			plugged[n.ID] = draw.IntN(4) > 0
		}
		w.Plug(plugged, false)
	}
	handle := func(b store.Batch) {
		if err := w.Handle(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	plug()
	handle(store.Batch{Revision: 1, Full: policytest.LoadAt(1, changes)})
	h.Take(func(*span.Share, share.Changes) {})
	allowed := func(e end) (by bool, known bool) {
		h.Read(func(p share.Policy) {
			if known = p.Knows(e.nic) && p.NIC(e.nic) != nil; known {
				by = impact.Allowed(p, p.NIC(e.nic), e.conn)
			}
		})
		return by, known
	}
	rev, loss := int64(1), impact.Loss{}
	for step := range steps {
		var ends []end
		for range 60 {
			c, ok := g.Packet(s)
			if !ok {
				continue
			}
			for i, n := range []*secgroup.NIC{c.Src, c.Dst} {
				if n != nil {
					ends = append(ends, end{n.ID, impact.Conn{Packet: c.Packet, Sent: i == 0 && draw.IntN(2) == 0}})
				}
			}
		}
		before := map[string]bool{}
		for _, e := range ends {
			before[e.String()], _ = allowed(e)
		}
		names := []string{}
		for range 1 + draw.IntN(3) {
			name, more := g.Step(s)
			rev++
			s, _ = s.With(rev, more)
			names = append(names, name)
			if draw.IntN(8) == 0 {
				plug()
			}
			handle(store.Batch{Revision: rev, Changes: more})
		}
		h.Take(func(_ *span.Share, ch share.Changes) {
			p := ch.Policy
			loss.Merge(ch.Loss)
			for id, is := range plugged {
				n := s.NIC(id)
				if want := is && (n == nil || n.MayBeAt(host)); p.Knows(id) != want {
					t.Fatalf("seed %d step %d: %s is plugged %t, known %t", seed, step, id, is, p.Knows(id))
				}
				if is && n != nil && n.MayBeAt(host) && !loss.Reaches(p, id, false) && slices.ContainsFunc(ends, func(e end) bool {
					return e.nic == id && before[e.String()] && !impact.Allowed(p, p.NIC(id), e.conn)
				}) {
					t.Fatalf("seed %d step %d, %q: %s is not reached by %+v", seed, step, names, id, loss)
				}
			}
		})
		for _, e := range ends {
			now, known := allowed(e)
			if !known {
				continue
			}
			if want := impact.Allowed(s, s.NIC(e.nic), e.conn); now != want {
				t.Fatalf("seed %d step %d, %q: %v: allowed %t, by the whole policy %t", seed, step, names, e, now, want)
			}
			if !before[e.String()] || now {
				continue
			}
			lost[names[0]]++
			h.Read(func(p share.Policy) {
				if !loss.Touches(p, p.NIC(e.nic), e.conn) {
					t.Fatalf("seed %d step %d, %q: %v is not allowed any more, and not touched by %+v", seed, step, names, e, loss)
				}
			})
		}
		if draw.IntN(3) > 0 {
			loss = impact.Loss{}
		}
	}
}
