package plan

import (
	"maps"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// Effects says what a mutation does to others than the object it writes.
type Effects struct {
	Impact                 impact.Impact
	EgressBecameOpen       []string // NICs, sorted
	EgressBecameRestricted []string // NICs, sorted
	InertRules             []secgroup.RuleRef
}

// diff compares a policy with the same one after changes.
type diff struct {
	*impact.Diff
	before, after *secgroup.Snapshot
}

func compare(before, after *secgroup.Snapshot, changes []secgroup.Change) *diff {
	return &diff{Diff: impact.Of(before, after, changes), before: before, after: after}
}

func effectsOf(before, after *secgroup.Snapshot, changes []secgroup.Change) Effects {
	d := compare(before, after, changes)
	e := Effects{Impact: d.Impact, InertRules: d.inert()}
	e.EgressBecameOpen, e.EgressBecameRestricted = d.egress()
	return e
}

// egress finds the NICs whose egress became open or restricted. A NIC that came
// or went is not among them.
func (d *diff) egress() (open, restricted []string) {
	nics := maps.Clone(d.Impact.NICs)
	for g := range d.Rules {
		old, new := d.before.Group(g), d.after.Group(g)
		if old == nil || new == nil || secgroup.EgressRestricts(old) == secgroup.EgressRestricts(new) {
			continue // its members are among the NICs, or nothing changes for them
		}
		for _, n := range d.after.MemberNICs(g) {
			if nics == nil {
				nics = map[string]struct{}{}
			}
			nics[n.ID] = struct{}{}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(nics)) {
		old, new := d.before.NIC(id), d.after.NIC(id)
		if old == nil || new == nil {
			continue
		}
		_, was := EgressRestricted(d.before, old)
		_, is := EgressRestricted(d.after, new)
		switch {
		case was && !is:
			open = append(open, id)
		case is && !was:
			restricted = append(restricted, id)
		}
	}
	return open, restricted
}
