package secgroup_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

func TestFirstMembers(t *testing.T) {
	for _, count := range []int{0, 1, 2, 9, 10, 11, 500} {
		var all []secgroup.Member
		for i := range count {
			all = append(all, secgroup.Member{Domain: fmt.Sprint("d", i%3), Address: netip.AddrFrom4([4]byte{10, 0, byte(i % 7), byte(i % 251)}), NIC: fmt.Sprint("n", i)})
		}
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		want := slices.SortedFunc(slices.Values(all), secgroup.Member.Compare)
		for _, size := range []int{1, 3, 10, 1000} {
			if got := secgroup.FirstMembers(slices.Values(all), size); !slices.Equal(got, want[:min(size, count)]) {
				t.Errorf("the first %d of %d are %v", size, count, got)
			}
		}
	}
}

// BenchmarkPages measures what a page of 100 of a long list is made of.
func BenchmarkPages(b *testing.B) {
	s := secgroup.NewSnapshot()
	g := secgroup.GroupRef{Account: "a00000", ID: "g"}
	changes := []secgroup.Change{secgroup.Put(&secgroup.Group{GroupRef: g, Name: "g"})}
	for i := range 20_000 {
		changes = append(changes, secgroup.Put(&secgroup.Account{ID: fmt.Sprintf("a%05d", i)}),
			secgroup.Put(&secgroup.Network{ID: fmt.Sprintf("n%05d", i), RoutingDomain: "d"}))
	}
	for i := range 50_000 {
		id := fmt.Sprintf("nic%05d", (i*7919)%50_000)
		changes = append(changes, secgroup.Put(&secgroup.NIC{ID: id, Account: g.Account, Network: "n00000",
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}}),
			secgroup.Put(&secgroup.Attachment{Group: g, NIC: id}))
	}
	s, _ = s.With(1, changes)
	b.Run("members, sorting all", func(b *testing.B) {
		for b.Loop() {
			_ = s.Members(g)[:100]
		}
	})
	b.Run("members, the first", func(b *testing.B) {
		for b.Loop() {
			secgroup.FirstMembers(s.EachMember(g), 100)
		}
	})
	b.Run("accounts", func(b *testing.B) {
		for b.Loop() {
			s.Accounts()
		}
	})
	b.Run("networks", func(b *testing.B) {
		for b.Loop() {
			s.Networks()
		}
	})
}
