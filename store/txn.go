package store

import (
	"fmt"
	"slices"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// guard is a condition on one key of a transaction.
type guard struct {
	key  string
	want guardKind
	rev  int64
}

type guardKind uint8

const (
	unmoved guardKind = iota // not written after rev; absent will do
	exactly                  // last written at rev; 0 = absent
	present                  // there, whenever it was written
	reached                  // last written at rev or later
)

func (g guard) compare() clientv3.Cmp {
	switch g.want {
	case exactly:
		return clientv3.Compare(clientv3.ModRevision(g.key), "=", g.rev)
	case present:
		return clientv3.Compare(clientv3.CreateRevision(g.key), ">", 0)
	case reached:
		return clientv3.Compare(clientv3.ModRevision(g.key), ">", g.rev-1)
	default:
		return clientv3.Compare(clientv3.ModRevision(g.key), "<", g.rev+1)
	}
}

// holds is compare, here. kv is nil for an absent key.
func (g guard) holds(kv *mvccpb.KeyValue) bool {
	switch g.want {
	case exactly:
		return kv.GetModRevision() == g.rev
	case present:
		return kv != nil
	case reached:
		return kv.GetModRevision() >= g.rev
	default:
		return kv.GetModRevision() <= g.rev
	}
}

// txn is a transaction to be: all of ops, if all guards hold.
type txn struct {
	first []guard // what a failure is explained by: beside them, never nested
	must  []guard // what correctness needs among writers that are all stores
	also  []guard // the other changed keys, against writers that are not (etcdctl)
	ops   []clientv3.Op
}

func (t txn) guards() []guard { return slices.Concat(t.first, t.must, t.also) }

// arrange fits the transaction into a cluster that takes limit operations in
// one. etcd counts compares, then and else apart, and what it counted at one
// level is off the limit of the next: so one level of n transactions of
// (limit - n) operations each takes up to (limit/2)², and as many guards.
func (t txn) arrange(l record.Layout, limit int) (compares []clientv3.Cmp, ops []clientv3.Op, err error) {
	guards := t.guards()
	for _, g := range guards {
		compares = append(compares, g.compare())
	}
	if ops := nest(t.ops, len(compares), limit); ops != nil {
		return compares, ops, nil
	}
	if compares, ops := nestAll(l, compares, len(t.first), t.ops, limit); ops != nil {
		return compares, ops, nil
	}
	return nil, nil, fmt.Errorf("%d operations on %d conditions, at %d a transaction", len(t.ops), len(guards), limit)
}

// nestAll puts compares into nested transactions too, but for the first ones.
// One that fails in there does not by itself keep the others from being made.
// But etcd finds all branches of a transaction and checks them before it makes
// any of it, and refuses the whole if it would write the value of a key anew
// that is not there. That is what a nested transaction does whose compares do
// not hold, hence ErrKeyNotFound is a conflict; that those keys are not there is
// one more compare at the top. Without a way to fit, ops is nil.
func nestAll(l record.Layout, compares []clientv3.Cmp, first int, ops []clientv3.Op, limit int) ([]clientv3.Cmp, []clientv3.Op) {
	top := append(compares[:first:first], clientv3.Compare(clientv3.CreateRevision(l.Never("")), "=", 0).WithPrefix())
	rest := compares[first:]
	for n := 1; n < limit; n++ {
		each := limit - max(n, len(top))
		if each <= 0 {
			return nil, nil
		}
		if n*each < max(len(rest), len(ops)) {
			continue
		}
		outer := make([]clientv3.Op, n)
		for i := range outer {
			c, o := min(each, len(rest)), min(each, len(ops))
			outer[i] = clientv3.OpTxn(rest[:c], ops[:o], []clientv3.Op{clientv3.OpPut(l.Never(strconv.Itoa(i)), "", clientv3.WithIgnoreValue())})
			rest, ops = rest[c:], ops[o:]
		}
		return top, outer
	}
	return nil, nil
}

// nest returns ops as at most limit operations beside so many compares, or nil.
func nest(ops []clientv3.Op, compares, limit int) []clientv3.Op {
	if max(compares, len(ops)) <= limit {
		return ops
	}
	for n := 1; n < limit; n++ {
		each := limit - max(n, compares)
		if each <= 0 {
			return nil
		}
		if n*each < len(ops) {
			continue
		}
		var outer []clientv3.Op
		for rest := ops; len(rest) > 0; {
			k := min(each, len(rest))
			outer = append(outer, clientv3.OpTxn(nil, rest[:k], nil))
			rest = rest[k:]
		}
		return outer
	}
	return nil
}
