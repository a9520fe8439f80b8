package store

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// many are n addresses of 10.<block>.0.0/16.
func many(block, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("10.%d.%d.%d", block, i/256, i%256))
	}
	return all
}

// claimsOf are the addresses that are taken in a store, NIC by address.
func claimsOf(t *testing.T, s *Store) map[string]string {
	t.Helper()
	r, err := s.link.Client.Get(within(t, time.Minute), s.link.Keys.Prefix+"address/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, kv := range r.Kvs {
		all[string(kv.Key[strings.LastIndexByte(string(kv.Key), '/')+1:])] = string(kv.Value)
	}
	return all
}

// TestNICOfManyAddresses makes and changes NICs of as many addresses as one may
// have, in an etcd that takes 128 conditions: at once, and never two with one.
func TestNICOfManyAddresses(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.MaxTxnOps = 128
		one, two := open(t, cfg), open(t, cfg)
		mustUpdate(t, one, put(account("a"), account("b"), network("n1")))
		for _, n := range []int{100, 123, 124, 125, 128, 129, 256} {
			mustUpdate(t, one, put(nic("x", "a", "n1", many(1, n)...)))
			if held := len(claimsOf(t, one)); held != n {
				t.Fatalf("a NIC of %d addresses holds %d", n, held)
			}
		}
		mustUpdate(t, one, put(nic("x", "a", "n1", many(2, 256)...)))
		for address, holder := range claimsOf(t, two) {
			if !strings.HasPrefix(address, "10.2.") || holder != "x" {
				t.Errorf("%s is held by %s", address, holder)
			}
		}

		t.Run("another takes the last of them meanwhile", func(t *testing.T) {
			planned := 0
			mustUpdate(t, one, func(s *snapshot) (changes, error) {
				if planned++; planned == 1 {
					mustUpdate(t, two, put(nic("y", "b", "n1", "10.3.0.255")))
					return put(nic("z", "a", "n1", many(3, 256)...))(s)
				}
				if s.NIC("y") == nil || s.NIC("z") != nil {
					t.Errorf("planned again on a policy with %v and %v", s.NIC("y"), s.NIC("z"))
				}
				return nil, nil
			})
			if planned != 2 {
				t.Errorf("planned %d times", planned)
			}
			held := claimsOf(t, two)
			if len(held) != 257 || held["10.3.0.255"] != "y" {
				t.Errorf("%d addresses are held, the contested one by %q", len(held), held["10.3.0.255"])
			}
		})
		t.Run("one is held by what no policy shows", func(t *testing.T) {
			if _, err := two.link.Client.Put(within(t, time.Minute), two.link.Keys.Address("provider", netip.MustParseAddr("10.4.0.200")), "ghost"); err != nil {
				t.Fatal(err)
			}
			before := claimsOf(t, two)
			_, err := one.Update(within(t, time.Minute), put(nic("w", "a", "n1", many(4, 256)...)))
			if err == nil || !strings.Contains(err.Error(), "10.4.0.200") {
				t.Errorf("taking it: %v, want an error that names it", err)
			}
			if after := claimsOf(t, two); len(after) != len(before) {
				t.Errorf("%d addresses are held, %d before", len(after), len(before))
			}
			if read(t, one, func(s *snapshot) *secgroup.NIC { return s.NIC("w") }) != nil {
				t.Error("the NIC is made")
			}
		})
		t.Run("they are given up", func(t *testing.T) {
			mustUpdate(t, two, drop(secgroup.NICKey("x")))
			for address, holder := range claimsOf(t, one) {
				if holder == "x" {
					t.Errorf("%s is held still", address)
				}
			}
		})
	})
}

// TestNestedConditions shows what nestAll rests on: etcd makes nothing of a
// transaction if one nested in it, of which the conditions do not hold, would
// write the value anew of a key that is not there.
func TestNestedConditions(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		ctx := within(t, time.Minute)
		keys := record.Layout{Prefix: "/nested/"}
		ops := []clientv3.Op{clientv3.OpPut("/nested/a", "1"), clientv3.OpPut("/nested/b", "1"), clientv3.OpPut("/nested/c", "1")}
		try := func(broken string) error {
			t.Helper()
			var compares []clientv3.Cmp
			for i := range 30 {
				compares = append(compares, guard{key: fmt.Sprintf("/nested/absent%02d", i), want: exactly}.compare())
			}
			if broken != "" {
				compares = append(compares, guard{key: broken, want: present}.compare())
			}
			top, nested := nestAll(keys, compares, 1, ops, 16)
			if nested == nil {
				t.Fatal("it does not fit")
			}
			r, err := s.link.Client.Txn(ctx).If(top...).Then(nested...).Commit()
			if err == nil && !r.Succeeded {
				return fmt.Errorf("not made")
			}
			return err
		}
		if err := try("/nested/missing"); err != rpctypes.ErrKeyNotFound {
			t.Errorf("with a condition that does not hold: %v", err)
		}
		if r, err := s.link.Client.Get(ctx, "/nested/", clientv3.WithPrefix()); err != nil || r.Count != 0 {
			t.Errorf("it made %v, %v", r, err)
		}
		if err := try(""); err != nil {
			t.Errorf("with conditions that hold: %v", err)
		}
		if r, err := s.link.Client.Get(ctx, "/nested/", clientv3.WithPrefix()); err != nil || r.Count != 3 {
			t.Errorf("it made %v, %v", r, err)
		}
		if _, err := s.link.Client.Put(ctx, keys.Never("1"), "by hand"); err != nil {
			t.Fatal(err)
		}
		if err := try(""); err == nil {
			t.Error("made although a key is there by which nested transactions fail")
		}
	})
}
