package store

import (
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
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
	}
	return clientv3.Compare(clientv3.ModRevision(g.key), "<", g.rev+1)
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
	}
	return kv.GetModRevision() <= g.rev
}

// txn is a transaction to be: all of ops, if all guards hold.
type txn struct {
	must []guard // what correctness needs among writers that are all stores
	also []guard // the other changed keys, against writers that are not (etcdctl)
	ops  []clientv3.Op
}

// arrange fits the transaction into a cluster that takes limit operations in
// one. etcd counts compares, then and else apart, and what it counted at one
// level is off the limit of the next: so one level of n transactions of
// (limit - n) operations each takes up to (limit/2)². Compares cannot be
// nested, hence also is left out of a transaction that would not fit with it.
func (t txn) arrange(limit int) (compares []clientv3.Cmp, ops []clientv3.Op, err error) {
	for _, guards := range [][]guard{append(t.must[:len(t.must):len(t.must)], t.also...), t.must} {
		if ops := nest(t.ops, len(guards), limit); ops != nil {
			for _, g := range guards {
				compares = append(compares, g.compare())
			}
			return compares, ops, nil
		}
	}
	return nil, nil, fmt.Errorf("%d operations on %d conditions, at %d a transaction", len(t.ops), len(t.must), limit)
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
