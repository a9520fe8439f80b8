package store

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ringfence/ringfence/secgroup"
)

type (
	snapshot = secgroup.Snapshot
	changes  = []secgroup.Change
)

// put is the plan that puts objects, whatever is there.
func put(objects ...secgroup.Object) func(*snapshot) (changes, error) {
	return func(*snapshot) (changes, error) {
		var all changes
		for _, o := range objects {
			all = append(all, secgroup.Put(o))
		}
		return all, nil
	}
}

func mustUpdate(t *testing.T, s *Store, plan func(*snapshot) (changes, error), opts ...UpdateOption) int64 {
	t.Helper()
	rev, err := s.Update(within(t, patience), plan, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// read returns what f gets from the cache.
func read[T any](t *testing.T, s *Store, f func(*snapshot) T) (v T) {
	t.Helper()
	if err := s.Read(within(t, patience), func(s *snapshot) error { v = f(s); return nil }); err != nil {
		t.Fatal(err)
	}
	return v
}

func account(id string) *secgroup.Account { return &secgroup.Account{ID: id} }

func network(id string, prefixes ...string) *secgroup.Network {
	n := &secgroup.Network{ID: id, Type: secgroup.NetworkFlat, RoutingDomain: "provider"}
	for _, p := range prefixes {
		n.Prefixes = append(n.Prefixes, netip.MustParsePrefix(p))
	}
	return n
}

func nic(id, account, network string, addresses ...string) *secgroup.NIC {
	n := &secgroup.NIC{ID: id, Account: account, Network: network, Enforcement: secgroup.EnforcementOn, MAC: secgroup.MAC{2}}
	binary.BigEndian.PutUint32(n.MAC[2:], crc32.ChecksumIEEE([]byte(id))) // one of its own
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
	}
	return n
}

func groupRef(account, id string) secgroup.GroupRef {
	return secgroup.GroupRef{Account: account, ID: id}
}

func group(account, id string, rules ...secgroup.Rule) *secgroup.Group {
	return &secgroup.Group{GroupRef: groupRef(account, id), Name: id, EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny, Rules: rules}
}

func rule(id string) secgroup.Rule {
	return secgroup.Rule{ID: id, Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolAll, Enabled: true, Origin: secgroup.OriginUser}
}

func TestUpdateIsReadBack(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		s.Join(ClusterMember{ID: "api"})
		awaitLevel(t, s, LevelNow) // some records need it
		want := everyKind()
		rev := mustUpdate(t, s, put(want...))
		for _, o := range want {
			got := read(t, s, func(s *snapshot) secgroup.Object { return s.Get(o.Key()) })
			if diff := cmp.Diff(resolved(o, rev), got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
				t.Errorf("%v as stored (-want +got):\n%s", o.Key(), diff)
			}
		}
		if got := read(t, s, (*snapshot).Revision); got != rev {
			t.Errorf("the cache is at revision %d, want %d", got, rev)
		}
		if got := mustUpdate(t, s, put()); got != rev {
			t.Errorf("a plan without changes answers revision %d, want the policy's, %d", got, rev)
		}
		fresh := open(t, e.config())
		if diff := cmp.Diff(dump(t, s), dump(t, fresh)); diff != "" {
			t.Errorf("a store opened later (-first +later):\n%s", diff)
		}
	})
}
