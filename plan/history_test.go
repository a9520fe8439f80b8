package plan

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
)

// history calls check with a policy and the changes of its next few steps, for
// random policies. before is the policy without the changes, after with them.
func history(t *testing.T, seeds, rounds int, check func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change)) {
	t.Helper()
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			g := policytest.Seeded(seed, policytest.Options{Guard: true})
			start := g.Policy()
			before, after := policytest.Load(start), policytest.Load(start)
			for round := range int64(rounds) {
				var changes []secgroup.Change
				for range 1 + g.IntN(3) {
					_, step := g.Step(after)
					changes = append(changes, step...)
					after, _ = after.With(round+2, step)
				}
				check(t, before, after, changes)
				if t.Failed() {
					t.Fatalf("in round %d", round)
				}
				before, _ = before.With(round+2, changes)
			}
		})
	}
}

// answers is all that a snapshot says of a policy.
func answers(s *secgroup.Snapshot) map[string]any {
	out := map[string]any{
		"accounts": s.Accounts(), "networks": s.Networks(), "nics": s.NICs(), "baseline": s.Baseline().Addresses,
	}
	for _, a := range s.Accounts() {
		out["groups of "+a.ID] = s.Groups(a.ID)
		out["instances of "+a.ID] = s.Instances(a.ID)
		out["shared with "+a.ID] = s.SharedWith(a.ID)
		out["nics of "+a.ID] = s.NICsOfAccount(a.ID)
		out["default of "+a.ID] = s.DefaultGroup(a.ID)
		for _, i := range s.Instances(a.ID) {
			out["nics of instance "+i.ID] = s.NICsOfInstance(i.InstanceRef)
			out["attached to instance "+i.ID] = s.AttachmentsOfInstance(i.InstanceRef)
		}
		for _, g := range s.Groups(a.ID) {
			name := a.ID + "/" + g.ID
			out["attached to "+name] = s.AttachmentsOfGroup(g.GroupRef)
			out["member nics of "+name] = s.MemberNICs(g.GroupRef)
			out["members of "+name] = s.Members(g.GroupRef)
			out["first members of "+name] = secgroup.FirstMembers(s.EachMember(g.GroupRef), 3)
			out["referencing "+name] = s.RulesReferencing(g.GroupRef)
		}
	}
	for _, n := range s.Networks() {
		out["nics of network "+n.ID] = s.NICsOfNetwork(n.ID)
	}
	for _, n := range s.NICs() {
		out["effective on "+n.ID] = s.EffectiveGroups(n)
		out["attached to nic "+n.ID] = s.AttachmentsOfNIC(n.ID)
		because, restricted := EgressRestricted(s, n)
		out["egress of "+n.ID] = fmt.Sprint(because, restricted)
	}
	return out
}

var equate = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(secgroup.Rule{}, "Revision"),
}

// A snapshot with the changes of several steps answers as the one that has them step by
// step; and with the changes undone, as it did before.
func TestChangesCanBeUndone(t *testing.T) {
	t.Parallel()
	history(t, 40, 25, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		made, _ := before.With(0, changes)
		sameAnswers(t, "with the changes made", after, made)
		var undo []secgroup.Change
		for _, c := range changes {
			undo = append(undo, secgroup.Change{Key: c.Key, Object: before.Get(c.Key)})
		}
		undone, _ := after.With(0, undo)
		sameAnswers(t, "with the changes undone", before, undone)
	})
}

// sameAnswers compares all answers. Objects are never mutated, so it is quick to
// see that they are the same ones by their addresses.
func sameAnswers(t *testing.T, when string, want, got *secgroup.Snapshot) {
	t.Helper()
	a, b := answers(want), answers(got)
	if fmt.Sprint(a) == fmt.Sprint(b) {
		return
	}
	if diff := cmp.Diff(a, b, equate); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// TestPagesAfterChanges: what is behind an object in its list comes after it, for random policies with
// changes made at once.
func TestPagesAfterChanges(t *testing.T) {
	t.Parallel()
	history(t, 10, 15, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		made, _ := before.With(0, changes)
		for _, v := range []*secgroup.Snapshot{after, made} {
			for _, a := range v.Accounts() {
				pages(t, v.NICsOfAccount(a.ID), func(id string) iter.Seq[*secgroup.NIC] { return v.NICsOfAccountAfter(a.ID, id) })
				pages(t, v.Groups(a.ID), func(id string) iter.Seq[*secgroup.Group] { return v.GroupsAfter(a.ID, id) })
				pages(t, v.Instances(a.ID), func(id string) iter.Seq[*secgroup.Instance] { return v.InstancesAfter(a.ID, id) })
			}
		}
	})
}

// pages compares what comes after each object of a list, and one that is not there.
func pages[P secgroup.Object](t *testing.T, list []P, after func(id string) iter.Seq[P]) {
	t.Helper()
	ids := []string{"", "~"}
	for _, p := range list {
		ids = append(ids, p.Key().ID, p.Key().ID+".")
	}
	for _, id := range ids {
		want := slices.DeleteFunc(slices.Clone(list), func(p P) bool { return p.Key().ID <= id })
		if got := slices.Collect(after(id)); !slices.EqualFunc(want, got, func(a, b P) bool { return a.Key() == b.Key() }) {
			t.Errorf("after %q come %d of %d, want %d", id, len(got), len(list), len(want))
		}
	}
}
