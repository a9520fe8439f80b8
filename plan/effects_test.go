package plan

import (
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// The NICs whose egress became open or restricted are those of which the model
// says so.
func TestEgressEffects(t *testing.T) {
	t.Parallel()
	seen := 0
	history(t, 30, 25, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		e := effectsOf(before, after, changes)
		got := map[string]string{}
		for _, id := range e.EgressBecameOpen {
			got[id] = "open"
		}
		for _, id := range e.EgressBecameRestricted {
			got[id] += "restricted"
		}
		for _, n := range before.NICs() {
			now := after.NIC(n.ID)
			if now == nil {
				continue
			}
			was, is := restricted(before, n), restricted(after, now)
			want := ""
			if was && !is {
				want = "open"
			} else if is && !was {
				want = "restricted"
			}
			if want != "" {
				seen++
			}
			if got[n.ID] != want {
				t.Errorf("egress of %s became %q, effects say %q", n.ID, want, got[n.ID])
			}
			delete(got, n.ID)
		}
		if len(got) > 0 {
			t.Errorf("effects on NICs that came or went: %v", got)
		}
	})
	if seen < 50 {
		t.Errorf("egress changed %d times only: the test shows little", seen)
	}
}

// restricted is docs/semantics.md §3, said of a snapshot.
func restricted(s *secgroup.Snapshot, n *secgroup.NIC) bool {
	for _, e := range s.EffectiveGroups(n) {
		if secgroup.EgressRestricts(s.Group(e.Group)) {
			return true
		}
	}
	return false
}
