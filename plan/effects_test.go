package plan

import (
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// concerned reports whether an impact is about a NIC, by the group that judges
// it or by itself.
func (i *Impact) concerned(v *View, n *secgroup.NIC) bool {
	_, yes := i.NICs[n.ID]
	for _, e := range v.EffectiveGroups(n) {
		_, group := i.Groups[e.Group]
		yes = yes || group
	}
	return yes || i.All
}

// Whoever is judged otherwise after a change is concerned by it; and if that is
// a connection lost, the change takes something away.
func TestImpactCoversEveryVerdictThatChanges(t *testing.T) {
	t.Parallel()
	g := policytest.Seeded(99, policytest.Options{})
	changed, taken := 0, 0
	history(t, 30, 25, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		impact := ImpactOf(before, changes)
		v := NewView(after, 0, nil)
		for range 150 {
			c, ok := g.Packet(before)
			if !ok {
				return
			}
			for end, n := range map[string]*secgroup.NIC{"egress": c.Src, "ingress": c.Dst} {
				if n == nil {
					continue
				}
				judge := verdict.Egress
				if end == "ingress" {
					judge = verdict.Ingress
				}
				was := judge(before, n, c.Packet)
				now := after.NIC(n.ID)
				is := verdict.Decision{}
				if now != nil {
					is = judge(after, now, c.Packet)
				}
				if was.Allow == is.Allow {
					continue
				}
				changed++
				if now != nil && !impact.concerned(v, now) || now == nil && !impact.concerned(NewView(before, 0, nil), n) {
					t.Errorf("%s of %s for %+v: %v became %v; %s is not in %+v", end, n.ID, c.Packet, was, is, n.ID, impact)
				}
				if was.Allow {
					taken++
					if !impact.TakesAway {
						t.Errorf("%s of %s for %+v: %v became %v, but nothing is said to be taken away", end, n.ID, c.Packet, was, is)
					}
				}
			}
		}
	})
	if changed < 300 || taken < 100 {
		t.Errorf("only %d verdicts changed, %d of them to deny: the test shows little", changed, taken)
	}
}

// The NICs whose egress became open or restricted are those of which the model
// says so.
func TestEgressEffects(t *testing.T) {
	t.Parallel()
	seen := 0
	history(t, 30, 25, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		e := effectsOf(before, changes)
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

// Inertness, which a view answers, is secgroup's, which a snapshot answers.
func TestInertnessIsThatOfTheModel(t *testing.T) {
	t.Parallel()
	inert := 0
	history(t, 15, 20, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		look := NewInertness(NewView(before, 0, changes))
		for _, a := range after.Accounts() {
			for _, g := range after.Groups(a.ID) {
				for i := range g.Rules {
					want := g.Rules[i].Inert(after)
					if want != "" {
						inert++
					}
					if got := look.Of(&g.Rules[i]); got != want {
						t.Errorf("rule %+v: %q, want %q", g.Rules[i], got, want)
					}
				}
			}
		}
	})
	if inert < 20 {
		t.Errorf("%d inert rules only: the test shows little", inert)
	}
}
