package store

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// An etcd that was restored from a snapshot counts its revisions on from
// there, and under the same cluster token it has the same cluster id: numbers
// that were given out come again and mean something else. So whoever follows
// the store remembers a write that it has seen, and asks for it by its revision
// and its value whenever it begins a session: values are like no other, since
// each mutation gives the head a mark of its own, and each report of a host has
// its time.

// witness is a write that was seen.
type witness struct {
	key   string
	rev   int64
	value string // as valueOf has it
}

func witnessOf(kv *mvccpb.KeyValue) *witness {
	if kv == nil {
		return nil
	}
	return &witness{string(kv.Key), kv.ModRevision, valueOf(kv)}
}

// valueOf is what tells a write from others of its key: the mark, of a head.
func valueOf(kv *mvccpb.KeyValue) string {
	if strings.HasSuffix(string(kv.Key), record.HeadKey) {
		return cmp.Or(record.MarkOf(kv), string(kv.Value))
	}
	return string(kv.Value)
}

// is reports whether kv is that write.
func (w *witness) is(kv *mvccpb.KeyValue) bool {
	return kv != nil && kv.ModRevision == w.rev && valueOf(kv) == w.value
}

// lineage says how the history that etcd has now relates to the one that was seen.
type lineage uint8

const (
	sameHistory  lineage = iota // it goes on where that ended
	otherHistory                // the store went back, or is another one
	unproven                    // etcd has compacted what would tell
)

// testimony is what a witness says of the store, and the look it is made of.
type testimony struct {
	lineage
	latest bool // nothing was written to its key since
	now    *clientv3.GetResponse
}

// testify finds out whether etcd's history has the write.
func (w *witness) testify(ctx context.Context, kv clientv3.KV) (testimony, error) {
	now, err := kv.Get(ctx, w.key)
	if err != nil {
		return testimony{}, err
	}
	t := testimony{now: now}
	switch {
	case len(now.Kvs) > 0 && w.is(now.Kvs[0]):
		t.latest = true
		return t, nil
	case now.Header.Revision < w.rev, len(now.Kvs) > 0 && now.Kvs[0].ModRevision <= w.rev:
		t.lineage = otherHistory
		return t, nil
	}
	then, err := kv.Get(ctx, w.key, clientv3.WithRev(w.rev))
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		t.lineage = unproven
	case errors.Is(err, rpctypes.ErrFutureRev):
		t.lineage = otherHistory
	case err != nil:
		return testimony{}, err
	case len(then.Kvs) == 0 || !w.is(then.Kvs[0]):
		t.lineage = otherHistory
	}
	return t, nil
}
