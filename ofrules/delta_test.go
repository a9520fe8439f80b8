package ofrules

import (
	"slices"
	"testing"

	of "github.com/ringfence/ringfence/openflow"
)

// TestThen: of two deltas in a row the later one counts where both speak of a
// flow, and what either takes away is known to be taken away.
func TestThen(t *testing.T) {
	t.Parallel()
	flow := func(priority uint16, cookie uint64) of.Flow { return of.Flow{Priority: priority, Cookie: cookie} }
	added := Delta{Put: []of.Flow{flow(1, 1)}}
	changed := Delta{Put: []of.Flow{flow(1, 2)}, Replaced: 1}
	deleted := Delta{Delete: []of.Flow{flow(1, 1)}}
	other := Delta{Put: []of.Flow{flow(2, 1)}}
	for _, c := range []struct {
		name          string
		first, second Delta
		put, delete   []of.Flow
		onlyAdds      bool
	}{
		{"nothing, then a flow", Delta{}, added, added.Put, nil, true},
		{"a flow, then another", added, other, []of.Flow{flow(2, 1), flow(1, 1)}, nil, true},
		{"added, then changed", added, changed, changed.Put, nil, false},
		{"added, then deleted", added, deleted, nil, deleted.Delete, false},
		{"deleted, then added again", deleted, added, added.Put, nil, false},
		{"deleted, then another", deleted, other, other.Put, deleted.Delete, false},
		{"deleted, then nothing", deleted, Delta{}, nil, deleted.Delete, false},
	} {
		d := c.first.Then(c.second)
		if !slices.Equal(d.Put, c.put) || !slices.Equal(d.Delete, c.delete) || d.OnlyAdds() != c.onlyAdds {
			t.Errorf("%s: %+v, only adds: %v", c.name, d, d.OnlyAdds())
		}
	}
}

// TestDeltaOrder: what a flow leads to is there before it, and goes after it; a
// conj_id flow is there as long as any clause.
func TestDeltaOrder(t *testing.T) {
	t.Parallel()
	flows := []of.Flow{
		{Table: TableEntry, Priority: 100}, {Table: TableIngressRules, Priority: prioClause}, {Table: TableOutput, Priority: 100},
		{Table: TableIngressRules, Priority: prioConjID}, {Table: TableIngressNIC, Priority: 100},
	}
	leafFirst := []of.Flow{flows[2], flows[3], flows[1], flows[4], flows[0]}
	if d := Diff(nil, flows); !slices.Equal(d.Put, leafFirst) || len(d.Delete) > 0 {
		t.Errorf("put in the order %v", d.Put)
	}
	slices.Reverse(leafFirst)
	if d := Diff(flows, nil); !slices.Equal(d.Delete, leafFirst) || len(d.Put) > 0 {
		t.Errorf("deleted in the order %v", d.Delete)
	}
}
