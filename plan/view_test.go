package plan

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
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

// answers is all that a view or a snapshot says of a policy.
func answers(v *View) map[string]any {
	out := map[string]any{
		"accounts": v.Accounts(), "networks": v.Networks(), "nics": v.NICs(), "baseline": v.Baseline().Addresses,
	}
	for _, a := range v.Accounts() {
		out["groups of "+a.ID] = v.Groups(a.ID)
		out["instances of "+a.ID] = v.Instances(a.ID)
		out["shared with "+a.ID] = v.SharedWith(a.ID)
		out["nics of "+a.ID] = v.NICsOfAccount(a.ID)
		out["default of "+a.ID] = v.DefaultGroup(a.ID)
		for _, i := range v.Instances(a.ID) {
			out["nics of instance "+i.ID] = v.NICsOfInstance(i.InstanceRef)
			out["attached to instance "+i.ID] = v.AttachmentsOfInstance(i.InstanceRef)
		}
		for _, g := range v.Groups(a.ID) {
			name := a.ID + "/" + g.ID
			out["attached to "+name] = v.AttachmentsOfGroup(g.GroupRef)
			out["member nics of "+name] = v.MemberNICs(g.GroupRef)
			out["members of "+name] = v.Members(g.GroupRef)
			out["first members of "+name] = v.FirstMembers(g.GroupRef, 3)
			out["referencing "+name] = v.RulesReferencing(g.GroupRef)
		}
	}
	for _, n := range v.Networks() {
		out["nics of network "+n.ID] = v.NICsOfNetwork(n.ID)
	}
	for _, n := range v.NICs() {
		out["effective on "+n.ID] = v.EffectiveGroups(n)
		out["attached to nic "+n.ID] = v.AttachmentsOfNIC(n.ID)
		because, restricted := v.EgressRestricted(n)
		out["egress of "+n.ID] = fmt.Sprint(because, restricted)
	}
	return out
}

var equate = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(secgroup.Rule{}, "Revision"),
}

// A view answers as the snapshot will once the changes are applied; and with
// the changes undone, as it did before.
func TestViewIsTheSnapshotToBe(t *testing.T) {
	t.Parallel()
	history(t, 40, 25, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		sameAnswers(t, "with the changes laid over", NewView(after, 0, nil), NewView(before, 0, changes))
		var undo []secgroup.Change
		for _, c := range changes {
			undo = append(undo, secgroup.Change{Key: c.Key, Object: before.Get(c.Key)})
		}
		sameAnswers(t, "with the changes undone", NewView(before, 0, nil), NewView(after, 0, undo))
	})
}

// sameAnswers compares all answers. Objects are never mutated, so it is quick to
// see that they are the same ones by their addresses.
func sameAnswers(t *testing.T, when string, want, got *View) {
	t.Helper()
	a, b := answers(want), answers(got)
	if fmt.Sprint(a) == fmt.Sprint(b) {
		return
	}
	if diff := cmp.Diff(a, b, equate); diff != "" {
		t.Errorf("%s (-snapshot +view):\n%s", when, diff)
	}
}

// TestMergedIsSorted: what changed is put in its place between what did not.
func TestMergedIsSorted(t *testing.T) {
	nics := func(ids ...string) (all []*secgroup.NIC) {
		for _, id := range ids {
			all = append(all, &secgroup.NIC{ID: id})
		}
		return all
	}
	for _, c := range [][3]string{{"b d", "", "b d"}, {"", "b a", "a b"}, {"b d f", "g a c e", "a b c d e f g"}, {"a b", "d c", "a b c d"}} {
		var got []string
		for _, n := range merged(nics(strings.Fields(c[0])...), nics(strings.Fields(c[1])...)) {
			got = append(got, n.ID)
		}
		if strings.Join(got, " ") != c[2] {
			t.Errorf("%q and %q are merged to %q", c[0], c[1], got)
		}
	}
}

// TestPagesOfViews: what is behind an object in its list comes after it, for random policies with
// changes laid over.
func TestPagesOfViews(t *testing.T) {
	t.Parallel()
	history(t, 10, 15, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		for _, v := range []*View{NewView(after, 0, nil), NewView(before, 0, changes)} {
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
