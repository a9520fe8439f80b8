package workload_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

func TestWorkload(t *testing.T) {
	for _, name := range []string{"XS", "S", "M", "L"} {
		s, ok := workload.SizeOf(name)
		if !ok {
			t.Fatalf("there is no size %s", name)
		}
		w := workload.Make(s)
		if !reflect.DeepEqual(w, workload.Make(s)) {
			t.Errorf("%s: two workloads of one size differ", name)
		}
		rules := 0
		for _, g := range w.Groups {
			if f := g.Validate(); len(f) > 0 {
				t.Errorf("%s: group %s: %v", name, g.ID, f)
			}
			rules += len(g.Rules) - 1 // all egress
		}
		if rules != s.Rules || len(w.Members) != s.Members || len(w.Ports) != s.Ports {
			t.Errorf("%s: %d rules, %d members, %d ports", name, rules, len(w.Members), len(w.Ports))
		}
		used := map[netip.Addr]string{}
		all := append(append(append(w.Members, w.Ports...), workload.Big(1000)...), workload.Big(10000)...)
		for i := range 100 {
			all = append(all, workload.Spare(i))
		}
		for _, e := range all {
			if other, ok := used[e.Address]; ok {
				t.Errorf("%s: %s and %s have the address %s", name, other, e.ID, e.Address)
			}
			used[e.Address] = e.ID
			if a := e.Address.As4(); a[0] != 10 && a[0] != 11 {
				t.Errorf("%s: %s is outside the network's prefixes", name, e.Address)
			}
		}
	}
}

// The snapshot holds what the load lists: every NIC is in its groups and no
// others.
func TestChanges(t *testing.T) {
	size, _ := workload.SizeOf("S")
	w := workload.Make(size)
	s := secgroup.NewSnapshot()
	s, _ = s.With(1, w.Changes())
	if got, want := len(s.NICs()), size.Ports+size.Members; got != want {
		t.Fatalf("%d NICs, want %d", got, want)
	}
	for _, e := range append(w.Ports, w.Members...) {
		n := s.NIC(e.ID)
		if f := n.Validate(); len(f) > 0 {
			t.Errorf("%s: %v", e.ID, f)
		}
		if got := s.EffectiveGroups(n); len(got) != len(e.Groups) {
			t.Errorf("%s is judged by %v, want groups %v", e.ID, got, e.Groups)
		}
		for _, g := range e.Groups {
			if !s.Judges(workload.Ref(workload.GroupID(g)), n) {
				t.Errorf("%s is not in group %d", e.ID, g)
			}
		}
	}
}

// What is changed concerns the host, and is a change.
func TestChanged(t *testing.T) {
	for _, name := range []string{"S", "M", "L"} {
		size, _ := workload.SizeOf(name)
		w := workload.Make(size)
		group, remote, other := w.Changed()
		has := func(id string) bool {
			for _, g := range w.Ports[0].Groups {
				if workload.GroupID(g) == id {
					return true
				}
			}
			return false
		}
		if !has(group) || has(other) || remote == group {
			t.Errorf("%s: rules of %s name %s, and %s is attached", name, group, remote, other)
		}
	}
}
