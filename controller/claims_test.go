package controller

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/ovsdb"
)

// What is known after any changes is what would be known had all begun so, and
// the NICs that differ are among those that were touched.
func TestClaimsByChange(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	c, there := newClaims(), map[string]ovsdb.Interface{}
	for step := range 3000 {
		var ch ovsdb.Change
		names := map[string]bool{}
		for range 1 + rng.IntN(3) {
			name := fmt.Sprintf("p%d", rng.IntN(9))
			if names[name] {
				continue
			}
			names[name] = true
			old, has := there[name]
			if has && rng.IntN(3) == 0 { // gone, or replaced at once by another row
				ch.Gone = append(ch.Gone, old)
				delete(there, name)
				if rng.IntN(2) == 0 {
					continue
				}
			}
			i := ovsdb.Interface{
				UUID: ovsdb.UUID(fmt.Sprint(step)), Name: name, IfaceID: []string{"", "a", "b", "c"}[rng.IntN(4)],
				OFPort: uint32(rng.IntN(4)), Error: []string{"", "broken"}[rng.IntN(2)],
			}
			ch.Set, there[name] = append(ch.Set, i), i
		}
		before := map[string]claim{}
		for _, one := range c.all() {
			before[one.nic] = one
		}
		touched := map[string]struct{}{}
		c.change(ch, touched)
		anew := newClaims()
		anew.change(ovsdb.Change{Set: slices.Collect(maps.Values(there))}, map[string]struct{}{})
		if diff := cmp.Diff(anew.all(), c.all(), cmp.AllowUnexported(claim{})); diff != "" {
			t.Fatalf("step %d, %+v (-anew +changed):\n%s", step, ch, diff)
		}
		if !maps.EqualFunc(anew.byName, c.byName, func(a, b ovsdb.Interface) bool { return cmp.Equal(a, b) }) {
			t.Fatalf("step %d: by name %v, anew %v", step, c.byName, anew.byName)
		}
		for port, name := range c.byPort {
			if there[name].OFPort != port {
				t.Fatalf("step %d: %s is at port %d, not %d", step, name, there[name].OFPort, port)
			}
		}
		for _, nic := range []string{"a", "b", "c"} {
			now, _ := c.get(nic)
			if _, ok := touched[nic]; !ok && !cmp.Equal(now, before[nic], cmp.AllowUnexported(claim{})) {
				t.Fatalf("step %d: %s was not touched and differs", step, nic)
			}
		}
	}
}

// A change of one interface is as much work among 20,000 as among 20.
func TestAChangeCostsTheSameAmongMany(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine: nothing for the race detector")
	}
	cost := func(n int) float64 {
		p := newPlugs(Config{}, nil, func() {})
		var all []ovsdb.Interface
		for i := range n {
			all = append(all, ovsdb.Interface{Name: fmt.Sprintf("p%05d", i), IfaceID: fmt.Sprintf("nic%d", i), OFPort: uint32(i + 1)})
		}
		p.update(ovsdb.Change{Bridge: ovsdb.Bridge{Exists: true}, Set: all})
		p.takeTouched()
		one := all[n/2]
		return testing.AllocsPerRun(100, func() {
			one.OFPort ^= 1 << 20
			p.update(ovsdb.Change{Bridge: ovsdb.Bridge{Exists: true}, Set: []ovsdb.Interface{one}})
			if touched := p.takeTouched(); len(touched) != 1 {
				t.Fatalf("touched %v", touched)
			}
			p.readClaims(func(c *claims) {
				if got, ok := c.get(one.IfaceID); !ok || got.iface.OFPort != one.OFPort {
					t.Fatalf("%+v, %v", got, ok)
				}
			})
		})
	}
	if few, many := cost(20), cost(20000); many > few+1 {
		t.Errorf("%v allocations among 20, %v among 20,000", few, many)
	}
}
