package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
)

// attachments are n of one group.
func attachments(n int) []secgroup.Object {
	var all []secgroup.Object
	for i := range n {
		all = append(all, &secgroup.Attachment{Group: groupRef("a", "g"), NIC: fmt.Sprintf("nic%d", i)})
	}
	return all
}

// TestLargeChangeIsOneTransaction writes far more objects than etcd takes
// operations, and wants one revision and one batch.
func TestLargeChangeIsOneTransaction(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		var r recorder
		follow(t, s, &r)
		first := mustUpdate(t, s, put(account("a"), group("a", "g")))
		before := len(r.await(t, first))
		for _, n := range []int{1, 100, 124, 125, 126, 127, 128, 129, repeats(1000, 200), repeats(3900, 300)} {
			for _, plan := range []func(*snapshot) (changes, error){put(attachments(n)...), drop(keysOf(attachments(n))...)} {
				rev := mustUpdate(t, s, plan)
				batches := r.await(t, rev)
				if len(batches) != before+1 || len(batches[before].Changes) != n || batches[before].Revision != rev {
					t.Fatalf("%d changes came in %d batches", n, len(batches)-before)
				}
				before++
			}
		}
	})
}

func keysOf(objects []secgroup.Object) []secgroup.Key {
	var keys []secgroup.Key
	for _, o := range objects {
		keys = append(keys, o.Key())
	}
	return keys
}

// TestTooLarge exceeds the operations and the bytes of a transaction.
func TestTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, and megabytes: nothing for the race detector")
	}
	huge := group("a", "huge")
	huge.Description = strings.Repeat("x", 32<<20)
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.MaxTxnOps = 128
		s := open(t, cfg)
		first := mustUpdate(t, s, put(account("a"), group("a", "g")))
		for name, plan := range map[string]func(*snapshot) (changes, error){"operations": put(attachments(5000)...), "bytes": put(huge)} {
			if _, err := s.Update(within(t, 2*time.Minute), plan); !errors.Is(err, ErrTooLarge) {
				t.Errorf("too many %s: %.300v, want ErrTooLarge", name, err)
			}
		}
		cfg.MaxTxnOps = 100_000
		belief := open(t, cfg)
		if _, err := belief.Update(within(t, 2*time.Minute), put(attachments(21_000)...)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("more operations than the configured limit lets one believe: %.300v, want ErrTooLarge", err)
		}
		if rev := mustUpdate(t, s, put()); rev != first {
			t.Errorf("the policy moved to revision %d", rev)
		}
	})
}

// TestNest checks the arithmetic for all sizes at a small limit: no level has
// more operations than etcd would count, and none is lost.
func TestNest(t *testing.T) {
	const limit = 16
	for compares := range limit + 2 {
		for n := 1; n < 100; n++ {
			ops := make([]clientv3.Op, n)
			outer := nest(ops, compares, limit)
			if outer == nil {
				if fits := compares < limit && n <= maxNested(compares, limit); fits {
					t.Fatalf("%d operations beside %d compares are refused", n, compares)
				}
				continue
			}
			count := 0
			if level := max(len(outer), compares); level > limit {
				t.Fatalf("%d operations beside %d compares: %d at the top", n, compares, level)
			}
			for _, op := range outer {
				if !op.IsTxn() {
					count++
					continue
				}
				_, inner, _ := op.Txn()
				if len(inner) > limit-max(len(outer), compares) {
					t.Fatalf("%d operations beside %d compares: %d nested", n, compares, len(inner))
				}
				count += len(inner)
			}
			if count != n {
				t.Fatalf("%d operations beside %d compares became %d", n, compares, count)
			}
		}
	}
}

// maxNested is the most that one level of nesting can hold.
func maxNested(compares, limit int) (most int) {
	for n := 1; n < limit; n++ {
		most = max(most, n*(limit-max(n, compares)))
	}
	return max(most, limit)
}
