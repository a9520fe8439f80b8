package link

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

// Witness is a write that was seen.
type Witness struct {
	Key   string
	Rev   int64
	Value string // as valueOf has it
}

func witnessOf(kv *mvccpb.KeyValue) *Witness {
	if kv == nil {
		return nil
	}
	return &Witness{string(kv.Key), kv.ModRevision, valueOf(kv)}
}

// valueOf is what tells a write from others of its key: the mark, of a head.
func valueOf(kv *mvccpb.KeyValue) string {
	if strings.HasSuffix(string(kv.Key), record.HeadKey) {
		return cmp.Or(record.MarkOf(kv), string(kv.Value))
	}
	return string(kv.Value)
}

// matches reports whether kv is that write.
func (w *Witness) matches(kv *mvccpb.KeyValue) bool {
	return kv != nil && kv.ModRevision == w.Rev && valueOf(kv) == w.Value
}

// Lineage says how the history that etcd has now relates to the one that was seen.
type Lineage uint8

const (
	// SameHistory goes on where the one that was seen ended.
	SameHistory Lineage = iota
	// OtherHistory says that the store went back, or is another one.
	OtherHistory
	// Unproven says that etcd has compacted what would tell.
	Unproven
)

// Testimony is what a witness says of the store, and the look it is made of.
type Testimony struct {
	Lineage
	latest bool // nothing was written to its key since
	Now    *clientv3.GetResponse
}

// Testify finds out whether etcd's history has the write.
func (w *Witness) Testify(ctx context.Context, kv clientv3.KV) (Testimony, error) {
	now, err := kv.Get(ctx, w.Key)
	if err != nil {
		return Testimony{}, err
	}
	t := Testimony{Now: now}
	switch {
	case len(now.Kvs) > 0 && w.matches(now.Kvs[0]):
		t.latest = true
		return t, nil
	case now.Header.Revision < w.Rev, len(now.Kvs) > 0 && now.Kvs[0].ModRevision <= w.Rev:
		t.Lineage = OtherHistory
		return t, nil
	}
	then, err := kv.Get(ctx, w.Key, clientv3.WithRev(w.Rev))
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		t.Lineage = Unproven
	case errors.Is(err, rpctypes.ErrFutureRev):
		t.Lineage = OtherHistory
	case err != nil:
		return Testimony{}, err
	case len(then.Kvs) == 0 || !w.matches(then.Kvs[0]):
		t.Lineage = OtherHistory
	}
	return t, nil
}

// Testify finds out whether etcd's history has a write of the policy.
func (l *Link) Testify(ctx context.Context, w record.Write) (Testimony, error) {
	return (&Witness{Key: l.Keys.Head(), Rev: w.Revision, Value: w.Mark}).Testify(ctx, l.Client)
}
