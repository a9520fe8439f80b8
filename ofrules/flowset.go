package ofrules

import (
	"cmp"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
)

// unitKey names one thing that contributes flows: a NIC, a segment, a profile,
// or one rule in one profile. Of several units that contribute to one flow without
// clauses, the first in the order of compare determines its cookie and actions.
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

// unit is what contributes, and the flows to which it does.
type unit struct {
	key     unitKey
	entries []*entry
}

// contribution is a part held by its flow's entry, in a list: most flows have one or none.
type contribution struct {
	unit   *unit
	clause of.Conjunction
	value  value // of the flow; of a clause its cookie alone
	next   *contribution
}

// value is what a flow says beside its key. No flow of ours has a zero cookie,
// so that the zero value is no flow.
type value struct {
	cookie uint64
	acts   of.Actions
}

// entry is one flow.
type entry struct {
	value   value
	key     of.FlowKey
	parts   *contribution // in any order
	whole   bool          // it is set with put, and has no parts
	touched bool          // since the last take
}

func (e *entry) flow() of.Flow { return e.value.flow(e.key) }

func (v value) flow(k of.FlowKey) of.Flow {
	return of.Flow{Table: k.Table, Priority: k.Priority, Match: k.Match, Cookie: v.cookie, Actions: v.acts}
}

// touchedEntry is an entry that was touched, with its value at the last takeDelta.
type touchedEntry struct {
	entry *entry
	old   value
}

// flowSet holds the flows, and which of them changed since the last takeDelta. Parts
// of several units under one key are merged into one flow, because a switch has one
// flow for one match at one priority. takeDelta renders flows from their parts, each
// once however many of its parts changed.
type flowSet struct {
	flows   map[of.FlowKey]*entry
	units   map[unitKey]*unit
	changes []touchedEntry
	scratch bool // until renderAll every flow counts as touched, and none is noted
}

func newFlowSet() *flowSet {
	return &flowSet{flows: map[of.FlowKey]*entry{}, units: map[unitKey]*unit{}}
}

// at returns the entry of a key, to be changed.
func (s *flowSet) at(k of.FlowKey) *entry {
	e := s.flows[k]
	if e == nil {
		e = &entry{key: k}
		s.flows[k] = e
	}
	s.touch(e)
	return e
}

// touch is called before a flow is changed: it notes the value at the last takeDelta.
func (s *flowSet) touch(e *entry) {
	if !e.touched && !s.scratch {
		e.touched = true
		s.changes = append(s.changes, touchedEntry{e, e.value})
	}
}

// put sets a flow that has one owner only.
func (s *flowSet) put(k of.FlowKey, cookie uint64, acts of.Actions) {
	e := s.at(k)
	e.value, e.whole = value{cookie, acts}, true
}

// remove deletes a flow set with put.
func (s *flowSet) remove(k of.FlowKey) {
	if e := s.flows[k]; e != nil {
		s.touch(e)
		e.value, e.whole = value{}, false
	}
}

// setUnit replaces all that a unit contributes. No parts: the unit is gone.
func (s *flowSet) setUnit(k unitKey, parts []part) {
	u := s.units[k]
	if u == nil {
		u = &unit{key: k}
		s.units[k] = u
	}
	for _, e := range u.entries {
		s.touch(e)
		e.without(u)
	}
	if len(parts) == 0 {
		delete(s.units, k)
		return
	}
	u.entries = make([]*entry, 0, len(parts))
	for _, p := range parts {
		e := s.at(p.key)
		e.parts = &contribution{u, p.clause, value{p.cookie, p.acts}, e.parts}
		u.entries = append(u.entries, e)
	}
}

// without takes out what a unit contributes.
func (e *entry) without(u *unit) {
	for at := &e.parts; *at != nil; {
		if c := *at; c.unit == u {
			*at = c.next
		} else {
			at = &c.next
		}
	}
}

// render makes the flow's value from its parts: all their clauses, or what the
// first of the units says. A flow that is left with none is none.
func (e *entry) render() {
	switch {
	case e.whole:
	case e.parts == nil:
		e.value = value{}
	case e.parts.clause.Of > 0:
		var acts []of.Action
		for c := e.parts; c != nil; c = c.next {
			acts = append(acts, c.clause)
		}
		e.value = value{e.parts.value.cookie, of.MustActions(sortClauses(acts)...)}
	default:
		first := e.parts
		for c := first.next; c != nil; c = c.next {
			if c.unit.key.compare(first.unit.key) <= 0 { // of one unit the part that it gave first
				first = c
			}
		}
		e.value = first.value
	}
}

// sortClauses puts conjunctions in the order of Actions, each once.
func sortClauses(acts []of.Action) []of.Action {
	slices.SortFunc(acts, func(a, b of.Action) int {
		x, y := a.(of.Conjunction), b.(of.Conjunction)
		return cmp.Or(cmp.Compare(x.ID, y.ID), cmp.Compare(x.Clause, y.Clause))
	})
	return slices.Compact(acts)
}

// render renders an entry, and drops it if it is no flow.
func (s *flowSet) render(e *entry) {
	e.touched = false
	if e.render(); e.value.cookie == 0 {
		delete(s.flows, e.key)
	}
}

// renderAll ends a compile from scratch.
func (s *flowSet) renderAll() {
	s.scratch = false
	for _, e := range s.flows {
		s.render(e)
	}
}

// takeDelta renders the flows that were touched, and returns what changed since it was
// called last.
func (s *flowSet) takeDelta() Delta {
	d := Delta{Put: make([]of.Flow, 0, len(s.changes))}
	for _, c := range s.changes {
		s.render(c.entry)
		switch {
		case c.entry.value == c.old:
		case c.entry.value.cookie != 0:
			d.Put = append(d.Put, c.entry.flow())
			if c.old.cookie != 0 {
				d.Replaced++
			}
		default:
			d.Delete = append(d.Delete, c.old.flow(c.entry.key))
		}
	}
	s.changes = nil
	d.sort()
	return d
}

// flowsAtLastTake returns the flows as they were at the last takeDelta.
func (s *flowSet) flowsAtLastTake() []of.Flow {
	out := make([]of.Flow, 0, len(s.flows))
	for _, e := range s.flows {
		if !e.touched {
			out = append(out, e.flow())
		}
	}
	for _, c := range s.changes {
		if c.old.cookie != 0 {
			out = append(out, c.old.flow(c.entry.key))
		}
	}
	return out
}

// all returns every flow, sorted as Delta.Put is.
func (s *flowSet) all() []of.Flow {
	out := make([]of.Flow, 0, len(s.flows))
	for _, e := range s.flows {
		out = append(out, e.flow())
	}
	sortForPut(out)
	return out
}
