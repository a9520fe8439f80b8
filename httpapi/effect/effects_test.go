package effect

import (
	"maps"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
)

// TestTheFirstNICsAreShown: of the NICs that random changes concern the first that are to
// be seen are listed, however many are listed, as by a look at all of them.
func TestTheFirstNICsAreShown(t *testing.T) {
	t.Parallel()
	shortened, gone := 0, 0
	for seed := range uint64(20) {
		g := policytest.Seeded(seed, policytest.Options{NICs: 14, Shares: true})
		s := policytest.Load(g.Policy())
		for range 30 {
			_, changes := g.Step(s)
			before := s
			s, _ = s.With(s.Revision()+1, changes)
			c := &realization.Concern{Impact: impact.Of(before, s, changes).Impact, Policy: s}
			for _, account := range append([]string{""}, accounts(s)...) {
				sees := Visible{Account: account, Policies: []*secgroup.Snapshot{s, before}}
				all := map[string]struct{}{}
				for id := range c.NICs {
					if sees.NIC(id) {
						all[id] = struct{}{}
						if s.NIC(id) == nil {
							gone++
						}
					}
				}
				c.Each(func(n *secgroup.NIC) bool {
					if account == "" || n.Account == account {
						all[n.ID] = struct{}{}
					}
					return true
				})
				want := slices.Sorted(maps.Keys(all))
				for most := range len(want) + 2 {
					ids, more := showNICs(c, sees, most)
					if !slices.Equal(ids, want[:min(most, len(want))]) || more != (len(want) > most) {
						t.Fatalf("seed %d, %q, %d at most: %v, more %t; all are %v", seed, account, most, ids, more, want)
					}
					if more && most > 0 {
						shortened++
					}
				}
			}
		}
	}
	if shortened < 500 || gone < 10 {
		t.Errorf("only %d lists were shortened, and %d had a NIC that is gone", shortened, gone)
	}
}

func accounts(s *secgroup.Snapshot) (ids []string) {
	for _, a := range s.Accounts() {
		ids = append(ids, a.ID)
	}
	return ids
}
