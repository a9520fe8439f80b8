package secgroup_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/secgroup"
)

// largePolicy is 50,000 NICs, each attached to one of 500 groups of 10 rules,
// in random order if shuffled.
func largePolicy(shuffled bool) []secgroup.Change {
	var all []secgroup.Change
	all = append(all,
		secgroup.Put(&secgroup.Account{ID: "a"}),
		secgroup.Put(&secgroup.Network{ID: "net", RoutingDomain: "vpc:v"}))
	for g := range 500 {
		group := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: "a", ID: fmt.Sprintf("g%04d", g)}, IsDefault: g == 0}
		for r := range 10 {
			group.Rules = append(group.Rules, secgroup.Rule{
				ID: fmt.Sprintf("r%d", r), Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, PortMin: uint16(r + 1),
				RemoteGroup: secgroup.GroupRef{Account: "a", ID: fmt.Sprintf("g%04d", (g+r)%500)}, Enabled: true,
			})
		}
		all = append(all, secgroup.Put(group))
	}
	for n := range 50000 {
		id := fmt.Sprintf("nic-%06d", n)
		all = append(all,
			secgroup.Put(&secgroup.NIC{ID: id, Account: "a", Network: "net", MAC: secgroup.MAC{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})}}),
			secgroup.Put(&secgroup.Attachment{Group: secgroup.GroupRef{Account: "a", ID: fmt.Sprintf("g%04d", n%500)}, NIC: id}))
	}
	if shuffled {
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	return all
}

// TestLargePolicy keeps a load of the largest policy that a controller is built
// for within seconds, some of them under the race detector, where it would be
// minutes if it grew with the square, and its memory small.
func TestLargePolicy(t *testing.T) {
	for _, shuffled := range []bool{false, true} {
		t.Run(fmt.Sprintf("shuffled=%v", shuffled), func(t *testing.T) {
			before := heap()
			changes := largePolicy(shuffled)
			objects := heap() - before
			s := secgroup.NewSnapshot()
			slowness.Within(t, 5*time.Second, "the load", func() { s, _ = s.With(1, changes) })
			runtime.KeepAlive(changes)
			live := heap() - before
			t.Logf("live %.1f MB of which objects ≤ %.1f MB", mb(live), mb(objects))
			if live > 40<<20 {
				t.Errorf("live heap %.1f MB", mb(live))
			}
			if n := len(s.NICs()); n != 50000 {
				t.Errorf("%d NICs", n)
			}
			runtime.KeepAlive(s)
		})
	}
}

// TestNICsOfOneInstance: a NIC costs the same memory to load among many of its instance, and
// snapshots that come of one have lists of their own.
func TestNICsOfOneInstance(t *testing.T) {
	of := func(ids ...string) (all []secgroup.Change) {
		for i, id := range ids {
			all = append(all, secgroup.Put(&secgroup.NIC{ID: id, Account: "a", Instance: "i", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}}))
		}
		return all
	}
	perNIC := func(n int) int64 {
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprintf("nic-%06d", i))
		}
		changes := of(ids...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		secgroup.NewSnapshot().With(1, changes)
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc-before.TotalAlloc) / int64(n)
	}
	if few, many := perNIC(100), perNIC(5000); many > 2*few {
		t.Errorf("%d bytes are allocated for each of 5,000 NICs, %d for each of 100", many, few)
	}
	listed := func(s *secgroup.Snapshot) (ids []string) {
		for _, n := range s.NICsOfInstance(secgroup.InstanceRef{Account: "a", ID: "i"}) {
			ids = append(ids, n.ID)
		}
		return ids
	}
	base, _ := secgroup.NewSnapshot().With(1, of("d", "h"))
	base, _ = base.With(2, of("f")) // its list has room
	var forks []*secgroup.Snapshot
	for _, id := range []string{"a", "e", "z"} {
		fork, _ := base.With(3, of(id, id+"2"))
		forks = append(forks, fork)
	}
	for i, want := range [][]string{{"a", "a2", "d", "f", "h"}, {"d", "e", "e2", "f", "h"}, {"d", "f", "h", "z", "z2"}} {
		if got := listed(forks[i]); !slices.Equal(got, want) {
			t.Errorf("fork %d has %v, want %v", i, got, want)
		}
	}
	if got := listed(base); !slices.Equal(got, []string{"d", "f", "h"}) {
		t.Errorf("the snapshot that they come of has %v", got)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }

// BenchmarkLoad loads the largest policy in the order of a list: at once, and piece by piece.
func BenchmarkLoad(b *testing.B) {
	changes := largePolicy(false)
	slices.SortStableFunc(changes, func(x, y secgroup.Change) int {
		_, nicX := x.Object.(*secgroup.NIC)
		_, nicY := y.Object.(*secgroup.NIC)
		switch {
		case nicX == nicY:
			return 0
		case nicY:
			return -1
		}
		return 1
	})
	b.Run("at once", func(b *testing.B) {
		for b.Loop() {
			secgroup.NewSnapshot().With(1, changes)
		}
	})
	b.Run("piece by piece", func(b *testing.B) {
		for b.Loop() {
			l := secgroup.NewLoader()
			for piece := range slices.Chunk(changes, 1000) {
				l.Add(piece)
			}
			l.Done(1)
		}
	})
}

func BenchmarkAttachDetach(b *testing.B) {
	s := secgroup.NewSnapshot()
	s, _ = s.With(1, largePolicy(false))
	a := &secgroup.Attachment{Group: secgroup.GroupRef{Account: "a", ID: "g0001"}, NIC: "nic-025000"}
	for b.Loop() {
		s, _ = s.With(2, []secgroup.Change{secgroup.Put(a)})
		s, _ = s.With(3, []secgroup.Change{secgroup.Delete(a.Key())})
	}
}
