package ofsim

import (
	"slices"

	"github.com/ringfence/ringfence/openflow"
)

// found is what a lookup in one table yields.
type found struct {
	rule   *flowRule
	conjID uint32      // the conjunction that led to rule, 0 if none did
	ids    []uint32    // every conjunction that was complete there
	rivals []*flowRule // other flows of the same priority that match
}

// lookup returns the flow of the table that wins for p, as OVS's
// classifier_lookup() does:
//
//   - The highest flow without conjunction actions that matches ("hard") wins
//     at once if no clause flow ("soft") of a higher priority matches: at equal
//     priorities the hard flow wins.
//   - Else the clauses of the highest soft priority are put together. A
//     conjunction with all its clauses is complete, and the table is looked up
//     once more with its conj_id and without soft flows: whatever hard flow is
//     then the highest wins, the default drop too if the conj_id flow is
//     missing.
//   - If no conjunction is complete, each of these soft flows is replaced by
//     the next lower flow with the very same match, and the highest soft
//     priority is taken again.
//
// A table of conjunctions needs a default flow: beside a complete conjunction
// that leads to no flow at all OVS may overlook another one, which this does not.
//
// Several conjunctions may be complete at once; OVS takes one of them in no
// defined order, and choose decides here. Of several hard flows with one
// priority OVS takes any one; here it is the one of the oldest set of masks,
// and the others are reported.
func (t *flowTable) lookup(p *Packet, choose func(ids []uint32) uint32) found {
	hard, soft, rivals := t.scan(p, true)
	for {
		hardPriority := -1
		if hard != nil {
			hardPriority = int(hard.flow.Priority)
		}
		soft = slices.DeleteFunc(soft, func(r *flowRule) bool {
			return r == nil || int(r.flow.Priority) <= hardPriority
		})
		if len(soft) == 0 {
			return found{rule: hard, rivals: rivals}
		}
		top := slices.MaxFunc(soft, func(a, b *flowRule) int {
			return int(a.flow.Priority) - int(b.flow.Priority)
		}).flow.Priority

		ids := complete(soft, top)
		for left := slices.Clone(ids); len(left) > 0; {
			id := left[0]
			if len(left) > 1 && choose != nil {
				if c := choose(slices.Clone(left)); slices.Contains(left, c) {
					id = c
				}
			}
			if hit := t.lookupConjunction(p, id); hit.rule != nil {
				hit.ids = ids
				return hit
			}
			left = slices.DeleteFunc(left, func(x uint32) bool { return x == id })
		}
		for i, r := range soft {
			if r.flow.Priority != top {
				continue
			}
			soft[i] = r.lower
			if r.lower != nil && len(r.lower.clauses) == 0 {
				soft[i] = nil
				if int(r.lower.flow.Priority) > hardPriority {
					hard, rivals = r.lower, nil
					hardPriority = int(hard.flow.Priority)
				}
			}
		}
	}
}

// lookupConjunction returns the hard flow that wins once conjunction id matches.
func (t *flowTable) lookupConjunction(p *Packet, id uint32) found {
	with := *p
	with.fields[openflow.ConjID] = value128{lo: uint64(id)}
	rule, _, rivals := t.scan(&with, false)
	return found{rule: rule, conjID: id, rivals: rivals}
}

// scan looks at every tuple that may hold a better flow than the best hard one
// so far.
func (t *flowTable) scan(p *Packet, withSoft bool) (hard *flowRule, soft, rivals []*flowRule) {
	best := -1
	for _, tuple := range t.tuples {
		if int(tuple.max) < best {
			break
		}
		rule := tuple.find(p)
		if rule == nil {
			continue
		}
		priority := int(rule.flow.Priority)
		switch {
		case priority < best:
		case len(rule.clauses) > 0:
			if withSoft && priority > best {
				soft = append(soft, rule)
			}
		case priority == best:
			rivals = append(rivals, rule)
		default:
			hard, best, rivals = rule, priority, nil
		}
	}
	return hard, soft, rivals
}

// complete returns the conjunctions all of whose clauses are among the soft
// flows of the priority, lowest id first. As in OVS, a conjunction of n clauses
// needs n soft flows there: one flow that is two of its clauses does not do for
// both if too few others match.
func complete(soft []*flowRule, priority uint16) []uint32 {
	soft = slices.DeleteFunc(slices.Clone(soft), func(r *flowRule) bool { return r.flow.Priority != priority })
	type progress struct{ have, want uint64 }
	seen := make(map[uint32]progress)
	for _, r := range soft {
		for _, c := range r.clauses {
			if int(c.Of) > len(soft) {
				continue
			}
			at := seen[c.ID]
			at.have |= 1 << (c.Clause - 1)
			at.want = 1<<c.Of - 1
			seen[c.ID] = at
		}
	}
	var ids []uint32
	for id, at := range seen {
		if at.have == at.want {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
