package ofrules

import (
	"cmp"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
)

// Delta is the difference between two flow sets. Added and changed flows stand
// in Put, ordered from the leaf of the pipeline to its entry, so that nothing
// leads to a table that is not ready; Delete is ordered the other way.
type Delta struct {
	Put    []of.Flow
	Delete []of.Flow
	// Replaced counts the flows in Put that stand in the place of another one.
	Replaced int
}

// OnlyAdds tells whether the delta takes nothing away: whatever the switch let
// through before, it lets through after.
func (d Delta) OnlyAdds() bool { return d.Replaced+len(d.Delete) == 0 }

// Empty tells whether the delta changes nothing.
func (d Delta) Empty() bool { return len(d.Put)+len(d.Delete) == 0 }

// Then returns the delta of d followed by o.
func (d Delta) Then(o Delta) Delta {
	if d.Empty() {
		return o
	}
	put := make(map[of.FlowKey]bool, len(o.Put)+len(o.Delete)) // or deleted
	for _, f := range o.Put {
		put[f.Key()] = true
	}
	for _, f := range o.Delete {
		put[f.Key()] = false
	}
	out := Delta{Put: slices.Clone(o.Put), Delete: slices.Clone(o.Delete), Replaced: d.Replaced + o.Replaced}
	for _, f := range d.Put {
		if _, superseded := put[f.Key()]; !superseded {
			out.Put = append(out.Put, f)
		}
	}
	for _, f := range d.Delete {
		again, superseded := put[f.Key()]
		if !superseded {
			out.Delete = append(out.Delete, f)
		}
		if again {
			out.Replaced++
		}
	}
	out.sort()
	return out
}

// Diff returns what turns the flows in have into those in want, which it may sort and keep.
func Diff(have, want []of.Flow) Delta {
	if len(have) == 0 {
		d := Delta{Put: want}
		d.sort()
		return d
	}
	old := make(map[of.FlowKey]of.Flow, len(have))
	for _, f := range have {
		old[f.Key()] = f
	}
	var d Delta
	for _, f := range want {
		if o, ok := old[f.Key()]; !ok || o != f {
			d.Put = append(d.Put, f)
			if ok {
				d.Replaced++
			}
		}
		delete(old, f.Key())
	}
	for _, f := range old {
		d.Delete = append(d.Delete, f)
	}
	d.sort()
	return d
}

func (d *Delta) sort() {
	sortForPut(d.Put)
	slices.SortFunc(d.Delete, compareFlows)
}

func sortForPut(flows []of.Flow) {
	slices.SortFunc(flows, func(a, b of.Flow) int { return compareFlows(b, a) })
}

// compareFlows orders by table, then clauses below the flows that they lead
// to, then by match.
func compareFlows(a, b of.Flow) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Priority, b.Priority), a.Match.Compare(b.Match))
}
