package ofrules

import (
	"cmp"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
)

// unitKey names one thing that contributes flows: a NIC, a segment, a profile,
// or one rule in one profile. Its order settles which of several contributors
// speaks for a flow that they share.
type unitKey struct {
	kind    CookieKind
	profile uint32
	name    string // of the rule, NIC or segment
}

func (a unitKey) compare(b unitKey) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.profile, b.profile), cmp.Compare(a.name, b.name))
}

// part is what one unit wants of one flow: a clause to add to its conjunction
// actions, or all of its cookie and actions.
type part struct {
	key    of.FlowKey
	clause of.Conjunction // if Of > 0
	cookie uint64
	acts   of.Actions
}

// contribution is a part held under its flow's key.
type contribution struct {
	unit   unitKey
	clause of.Conjunction
	cookie uint64
	acts   of.Actions
}

// entry is the present value of one flow.
type entry struct {
	cookie uint64
	acts   of.Actions
	parts  []contribution // sorted by unit, then clause; nil for a flow set with put
}

// flowSet holds the flows and remembers which ones changed since the last
// take: parts of several units under one key merge into one flow, because a
// switch has one flow for one match at one priority.
// Flows are rendered from their parts in take, once however many parts changed.
type flowSet struct {
	flows   map[of.FlowKey]entry
	units   map[unitKey][]of.FlowKey
	touched map[of.FlowKey]of.Flow // flows changed, as they were before; zero cookie = absent
}

func newFlowSet() *flowSet {
	return &flowSet{flows: map[of.FlowKey]entry{}, units: map[unitKey][]of.FlowKey{}, touched: map[of.FlowKey]of.Flow{}}
}

// flow returns the value of the entry under a key.
func (e entry) flow(k of.FlowKey) of.Flow {
	return of.Flow{Table: k.Table, Priority: k.Priority, Match: k.Match, Cookie: e.cookie, Actions: e.acts}
}

// touch notes the flow's value before its first change since the last take.
func (s *flowSet) touch(k of.FlowKey) {
	if _, ok := s.touched[k]; ok {
		return
	}
	var old of.Flow
	if e, ok := s.flows[k]; ok {
		old = e.flow(k)
	}
	s.touched[k] = old
}

// put sets a flow that has one owner only.
func (s *flowSet) put(k of.FlowKey, cookie uint64, acts of.Actions) {
	s.touch(k)
	s.flows[k] = entry{cookie: cookie, acts: acts}
}

// remove deletes a flow set with put.
func (s *flowSet) remove(k of.FlowKey) {
	if _, ok := s.flows[k]; ok {
		s.touch(k)
		delete(s.flows, k)
	}
}

// setUnit replaces all that a unit contributes. No parts: the unit is gone.
func (s *flowSet) setUnit(u unitKey, parts []part) {
	for _, k := range s.units[u] {
		s.touch(k)
		e := s.flows[k]
		e.parts = slices.DeleteFunc(e.parts, func(c contribution) bool { return c.unit == u })
		s.flows[k] = e
	}
	keys := make([]of.FlowKey, 0, len(parts))
	for _, p := range parts {
		s.touch(p.key)
		e := s.flows[p.key]
		c := contribution{u, p.clause, p.cookie, p.acts}
		i, _ := slices.BinarySearchFunc(e.parts, c, compareContributions)
		e.parts = slices.Insert(e.parts, i, c)
		s.flows[p.key] = e
		keys = append(keys, p.key)
	}
	if len(keys) == 0 {
		delete(s.units, u)
	} else {
		s.units[u] = keys
	}
}

func compareContributions(a, b contribution) int {
	return cmp.Or(a.unit.compare(b.unit), cmp.Compare(a.clause.ID, b.clause.ID), cmp.Compare(a.clause.Clause, b.clause.Clause))
}

// render makes the flow of a key from its parts; a flow that is left with none
// goes.
func (s *flowSet) render(k of.FlowKey) {
	e, ok := s.flows[k]
	if !ok || e.parts == nil {
		return
	}
	if len(e.parts) == 0 {
		delete(s.flows, k)
		return
	}
	first := e.parts[0]
	e.cookie, e.acts = first.cookie, first.acts
	if first.clause.Of > 0 {
		clauses := make([]of.Conjunction, 0, len(e.parts))
		for _, c := range e.parts {
			clauses = append(clauses, c.clause)
		}
		slices.SortFunc(clauses, func(a, b of.Conjunction) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Clause, b.Clause))
		})
		acts := make([]of.Action, 0, len(clauses))
		for _, c := range slices.Compact(clauses) {
			acts = append(acts, c)
		}
		e.acts = of.MustActions(acts...)
	}
	s.flows[k] = e
}

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

// take renders what was touched and returns what changed since the last take.
func (s *flowSet) take() Delta {
	var d Delta
	for k, old := range s.touched {
		s.render(k)
		e, ok := s.flows[k]
		switch {
		case ok && e.flow(k) != old:
			d.Put = append(d.Put, e.flow(k))
			if old.Cookie != 0 {
				d.Replaced++
			}
		case !ok && old.Cookie != 0:
			d.Delete = append(d.Delete, old)
		}
	}
	clear(s.touched)
	d.sort()
	return d
}

// Then returns the delta of d followed by o.
func (d Delta) Then(o Delta) Delta {
	if d.Empty() {
		return o
	}
	last := make(map[of.FlowKey]struct{}, len(o.Put)+len(o.Delete))
	for _, f := range o.Put {
		last[f.Key()] = struct{}{}
	}
	for _, f := range o.Delete {
		last[f.Key()] = struct{}{}
	}
	superseded := func(f of.Flow) bool {
		_, ok := last[f.Key()]
		return ok
	}
	out := Delta{
		Put:    append(slices.DeleteFunc(slices.Clone(d.Put), superseded), o.Put...),
		Delete: append(slices.DeleteFunc(slices.Clone(d.Delete), superseded), o.Delete...),

		Replaced: d.Replaced + o.Replaced,
	}
	out.sort()
	return out
}

func (d *Delta) sort() {
	slices.SortFunc(d.Put, func(a, b of.Flow) int { return -compareFlows(a, b) })
	slices.SortFunc(d.Delete, compareFlows)
}

// compareFlows orders by table, then clauses below the flows that they lead
// to, then by match.
func compareFlows(a, b of.Flow) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Priority, b.Priority), a.Match.Compare(b.Match))
}

// before returns the flows as they were at the last take.
func (s *flowSet) before() []of.Flow {
	out := make([]of.Flow, 0, len(s.flows))
	for k, e := range s.flows {
		if _, ok := s.touched[k]; !ok {
			out = append(out, e.flow(k))
		}
	}
	for _, old := range s.touched {
		if old.Cookie != 0 {
			out = append(out, old)
		}
	}
	return out
}

// all returns every flow, sorted as Delta.Put is.
func (s *flowSet) all() []of.Flow {
	out := make([]of.Flow, 0, len(s.flows))
	for k, e := range s.flows {
		out = append(out, e.flow(k))
	}
	slices.SortFunc(out, func(a, b of.Flow) int { return -compareFlows(a, b) })
	return out
}

// Diff returns what turns the flows in have into those in want.
func Diff(have, want []of.Flow) Delta {
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
