package relay

import (
	"testing"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
)

// TestARelayJudgesAsThePolicyDoes: whatever is asked over a stream, of whatever policy,
// the answer is what a host would find that had all of it; but of NICs that are not
// plugged there nothing is allowed.
func TestARelayJudgesAsThePolicyDoes(t *testing.T) {
	t.Parallel()
	allowed, refused := 0, 0
	for seed := range uint64(3) {
		g := policytest.Seeded(seed, policytest.Options{NICs: 14, Shares: true})
		policy := secgroup.NewSnapshot()
		first := g.Policy()
		policy, _ = policy.With(1, first)
		s := serve(t)
		s.restore(1, first...)
		plugged := map[string]bool{}
		var nics []string
		for _, n := range policy.NICs() {
			if g.IntN(4) > 0 {
				plugged[n.ID] = true
				nics = append(nics, n.ID)
			}
		}
		h := s.host(t, hostsim.Config{Name: "h1", NICs: nics})
		for range 30 {
			rev := policy.Revision() + 1
			_, changes := g.Step(policy)
			policy, _ = policy.With(rev, changes)
			s.write(changes...)
			s.at(t, "h1", rev)
			var asked []impact.Open
			var m []*wire.Connection
			for range 40 {
				c, ok := g.Packet(policy)
				if !ok {
					break
				}
				end := c.Src // either end's zone has it
				if end == nil || c.Dst != nil && g.IntN(2) == 0 {
					end = c.Dst
				}
				one := impact.Open{NIC: end.ID, Conn: impact.Conn{Packet: c.Packet, Both: g.IntN(2) == 0, Sent: g.IntN(3) == 0}}
				one.Conn.EitherWay = one.Conn.Both
				asked, m = append(asked, one), append(m, wire.FromConn(one.NIC, one.Conn))
			}
			got, err := h.Judge(soon(t), m...)
			if err != nil || got.GetError() != "" || len(got.GetVerdicts()) != len(asked) {
				t.Fatalf("seed %d, revision %d: %v, %v", seed, rev, got, err)
			}
			for i, want := range impact.AllowedAll(policy, asked) {
				want = want && plugged[asked[i].NIC]
				if is := got.GetVerdicts()[i].GetAllowed(); is != want {
					t.Fatalf("seed %d, revision %d: %+v is allowed: %v, want %v", seed, rev, asked[i], is, want)
				}
				if want {
					allowed++
				} else {
					refused++
				}
			}
		}
	}
	if allowed < 100 || refused < 100 {
		t.Errorf("%d allowed, %d refused: too tame a history", allowed, refused)
	}
}
