package ofsim

import (
	"math/bits"
	"slices"

	"github.com/ringfence/ringfence/openflow"
)

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

// split takes a match apart into masks and masked values.
func split(m openflow.Match) (parts []tuplePart, values []value128) {
	for term := range m.All() {
		mask := value128From(term.Mask())
		parts = append(parts, tuplePart{term.Field(), mask})
		values = append(values, value128From(term.Value()).and(mask))
	}
	return parts, values
}

// maskKey is the parts as a key of flowTable.byMask.
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

// remove takes the rule with these values and that priority out of its chain, and
// reports whether it was there.
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

// setHead puts a rule at the head of its chain, which stands in the bucket behind the
// head before, or first if that is nil.
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
