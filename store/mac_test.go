package store

import (
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
)

// TestOneMACInASegment has two stores put NICs with one MAC into the networks of
// one segment, take them away and move one of the networks there, each plan
// looking only whether the MAC is free. At no revision do two have it.
func TestOneMACInASegment(t *testing.T) {
	const rounds = 25
	withEtcd(t, func(t *testing.T, e testEtcd) {
		stores := []*Store{open(t, e.config()), open(t, e.config())}
		moving := network("moving")
		moving.VLAN = 7
		mustUpdate(t, stores[0], put(account("a"), account("b"), network("n1"), network("n2"), moving))
		mac := secgroup.MAC{2, 0xaa}
		free := func(s *snapshot, in secgroup.Segment, but string) bool {
			for _, n := range s.NICsByMAC(mac) {
				if n.ID != but && s.Network(n.Network).Segment() == in {
					return false
				}
			}
			return true
		}
		come := func(id, account, network string) func(*snapshot) (changes, error) {
			return func(s *snapshot) (changes, error) {
				n := nic(id, account, network)
				n.MAC = mac
				if !free(s, s.Network(network).Segment(), id) {
					return nil, nil
				}
				return put(n)(s)
			}
		}
		move := func(vlan uint16) func(*snapshot) (changes, error) {
			return func(s *snapshot) (changes, error) {
				n := *s.Network("moving")
				n.VLAN = vlan
				if len(s.NICsOfNetwork("moving")) > 0 && !free(s, n.Segment(), "m") {
					return nil, nil
				}
				return put(&n)(s)
			}
		}
		acts := []func(*snapshot) (changes, error){
			come("x", "a", "n1"), come("y", "b", "n2"), come("m", "b", "moving"),
			drop(secgroup.NICKey("x")), drop(secgroup.NICKey("y")), drop(secgroup.NICKey("m")), move(0), move(7),
		}
		watch := &recorder{}
		follow(t, stores[0], watch)
		watch.await(t, 1)
		var wg sync.WaitGroup
		for i, act := range acts {
			wg.Go(func() {
				for round := range rounds {
					if _, err := stores[(i+round)%2].Update(within(t, time.Minute), act); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		rev := mustUpdate(t, stores[0], put(account("last")))
		held, taken := secgroup.NewSnapshot(), 0
		for _, b := range watch.await(t, rev) {
			held, _ = b.After(held)
			at := map[secgroup.Segment]string{}
			for _, n := range held.NICsByMAC(mac) {
				in := held.Network(n.Network).Segment()
				if other, twice := at[in]; twice {
					t.Fatalf("at revision %d %s and %s have one MAC in segment %v", b.Revision, other, n.ID, in)
				}
				at[in] = n.ID
				taken++
			}
		}
		if taken == 0 {
			t.Error("nobody ever had the MAC")
		}
		mustUpdate(t, stores[0], drop(secgroup.NICKey("x"), secgroup.NICKey("y"), secgroup.NICKey("m")))
		guard, err := stores[0].link.Client.Get(t.Context(), stores[0].link.Keys.MACGuard(mac))
		if err != nil || len(guard.Kvs) > 0 {
			t.Errorf("the MAC is nobody's, and its guard is %v, %v", guard.Kvs, err)
		}
	})
}
