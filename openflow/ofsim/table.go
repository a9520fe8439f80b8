package ofsim

import (
	"slices"

	"github.com/ringfence/ringfence/openflow"
)

// flowTable is one flow table of a Sim as a tuple space: the flows whose
// matches have the same masks stand in one hash table, so that a lookup costs
// one probe for each distinct set of masks, not one for each flow. It is the
// algorithm of OVS's lib/classifier.c, and it keeps what follows from it:
// conjunctive ("soft") flows are gathered from every tuple, the highest one of
// each tuple only.
type flowTable struct {
	tuples []*flowTuple // by highest priority, then by age
	byMask map[string]*flowTuple
	size   int
}

func newFlowTable() *flowTable {
	return &flowTable{byMask: make(map[string]*flowTuple)}
}

// add installs a flow in place of one with its priority and match.
func (t *flowTable) add(f openflow.Flow) {
	parts, values := split(f.Match)
	rule := &flowRule{flow: f, actions: f.Actions.List(), values: values}
	for _, a := range rule.actions {
		if c, ok := a.(openflow.Conjunction); ok {
			rule.clauses = append(rule.clauses, c)
		}
	}
	tuple := t.tuple(parts)
	if replaced := tuple.insert(rule); replaced {
		return
	}
	t.size++
	tuple.counts[f.Priority]++
	if tuple.counts[f.Priority] == 1 && f.Priority >= tuple.max {
		tuple.max = f.Priority
		t.sort()
	}
}

// remove takes a flow away, and its tuple with the last one, and reports whether it was there.
func (t *flowTable) remove(k openflow.FlowKey) bool {
	parts, values := split(k.Match)
	tuple := t.byMask[maskKey(parts)]
	if tuple == nil || !tuple.remove(k.Priority, values) {
		return false
	}
	t.size--
	if tuple.counts[k.Priority]--; tuple.counts[k.Priority] > 0 {
		return true
	}
	delete(tuple.counts, k.Priority)
	if len(tuple.counts) == 0 {
		delete(t.byMask, tuple.mask)
		t.tuples = slices.DeleteFunc(t.tuples, func(x *flowTuple) bool { return x == tuple })
		return true
	}
	if k.Priority == tuple.max {
		tuple.max = 0
		for p := range tuple.counts {
			tuple.max = max(tuple.max, p)
		}
		t.sort()
	}
	return true
}

// sort puts the tuples in order after the highest priority of one has changed.
func (t *flowTable) sort() {
	slices.SortStableFunc(t.tuples, func(a, b *flowTuple) int { return int(b.max) - int(a.max) })
}

// tuple returns the tuple of these masks, a new one if there is none.
func (t *flowTable) tuple(parts []tuplePart) *flowTuple {
	mask := maskKey(parts)
	if tuple := t.byMask[mask]; tuple != nil {
		return tuple
	}
	tuple := &flowTuple{parts: parts, mask: mask, counts: make(map[uint16]int), heads: make(map[uint64]*flowRule)}
	t.byMask[mask] = tuple
	t.tuples = append(t.tuples, tuple)
	return tuple
}
