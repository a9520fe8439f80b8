package ofsim

import (
	"math/bits"
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

// flowTuple holds the flows of one table that match the same bits.
type flowTuple struct {
	parts  []tuplePart
	mask   string // the parts as a key of flowTable.byMask
	max    uint16
	counts map[uint16]int // flows by priority
	heads  map[uint64]*flowRule
}

// tuplePart is one field of a tuple with the bits that it looks at.
type tuplePart struct {
	field openflow.Field
	mask  value128
}

// flowRule is one flow, prepared for lookups.
type flowRule struct {
	flow    openflow.Flow
	actions []openflow.Action
	clauses []openflow.Conjunction // the flow is soft if there are any
	values  []value128             // of the tuple's parts, masked
	lower   *flowRule              // same match, next lower priority
	next    *flowRule              // other match, same hash; set in heads of chains only
}

func newFlowTable() *flowTable {
	return &flowTable{byMask: make(map[string]*flowTuple)}
}

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

// split takes a match apart into masks and masked values.
func split(m openflow.Match) (parts []tuplePart, values []value128) {
	for term := range m.All() {
		mask := value128From(term.Mask())
		parts = append(parts, tuplePart{term.Field(), mask})
		values = append(values, value128From(term.Value()).and(mask))
	}
	return parts, values
}

func maskKey(parts []tuplePart) string {
	b := make([]byte, 0, 17*len(parts))
	for _, p := range parts {
		mask := p.mask.bytes()
		b = append(append(b, byte(p.field)), mask[:]...)
	}
	return string(b)
}

// insert adds the rule to its chain and reports whether it took the place of
// one with the same priority and match, as an OpenFlow add does.
func (tu *flowTuple) insert(rule *flowRule) (replaced bool) {
	h := hashValues(rule.values)
	head, before := tu.chain(h, rule.values)
	if head == nil {
		rule.next = tu.heads[h]
		tu.heads[h] = rule
		return false
	}
	var above *flowRule
	at := head
	for at != nil && at.flow.Priority > rule.flow.Priority {
		above, at = at, at.lower
	}
	rule.lower = at
	if at != nil && at.flow.Priority == rule.flow.Priority {
		rule.lower, replaced = at.lower, true
	}
	if above != nil {
		above.lower = rule
		return replaced
	}
	rule.next = head.next
	tu.setHead(h, before, rule)
	return replaced
}

func (tu *flowTuple) remove(priority uint16, values []value128) bool {
	h := hashValues(values)
	head, before := tu.chain(h, values)
	var above *flowRule
	at := head
	for at != nil && at.flow.Priority != priority {
		above, at = at, at.lower
	}
	switch {
	case at == nil:
		return false
	case above != nil:
		above.lower = at.lower
	case at.lower != nil:
		at.lower.next = head.next
		tu.setHead(h, before, at.lower)
	case before != nil:
		before.next = head.next
	case head.next != nil:
		tu.heads[h] = head.next
	default:
		delete(tu.heads, h)
	}
	return true
}

func (tu *flowTuple) setHead(h uint64, before, head *flowRule) {
	if before != nil {
		before.next = head
		return
	}
	tu.heads[h] = head
}

// chain returns the highest rule with exactly these values and the head that
// stands before it in the bucket.
func (tu *flowTuple) chain(h uint64, values []value128) (head, before *flowRule) {
	for head = tu.heads[h]; head != nil; before, head = head, head.next {
		if slices.Equal(head.values, values) {
			return head, before
		}
	}
	return nil, nil
}

// find returns the highest rule of the tuple that matches p.
func (tu *flowTuple) find(p *Packet) *flowRule {
	h := uint64(hashSeed)
	for _, part := range tu.parts {
		h = mix(h, p.fields[part.field].and(part.mask))
	}
next:
	for head := tu.heads[h]; head != nil; head = head.next {
		for i, part := range tu.parts {
			if p.fields[part.field].and(part.mask) != head.values[i] {
				continue next
			}
		}
		return head
	}
	return nil
}

const hashSeed = 0x9e3779b97f4a7c15

func mix(h uint64, v value128) uint64 {
	hi, lo := bits.Mul64(h^v.lo, 0xa0761d6478bd642f)
	h = hi ^ lo
	hi, lo = bits.Mul64(h^v.hi, 0xe7037ed1a0b428db)
	return hi ^ lo
}

func hashValues(values []value128) uint64 {
	h := uint64(hashSeed)
	for _, v := range values {
		h = mix(h, v)
	}
	return h
}
