package link

import (
	"context"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// verify finds out whether etcd's history is the one that the feed has
// followed so far. If not, all that it holds is forgotten; if that cannot be
// told any more, the feed lists again.
func (f *Feed) verify(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, f.Config.RequestTimeout)
	defer cancel()
	latest := false // f.last is the latest write of its key
	seen := []*Witness{f.last, f.head}
	if f.last == nil && f.head == nil {
		seen = []*Witness{{Key: f.Probe}} // which any store can answer for
	}
	for i, w := range seen {
		if w == nil || i > 0 && f.last != nil && *w == *f.last {
			continue
		}
		t, err := w.Testify(ctx, client)
		switch {
		case err != nil:
			return err
		case f.noteCluster(t.Now.Header.ClusterId) != nil:
			return nil
		case w.Rev > 0 && t.Lineage == OtherHistory, t.Now.Header.Revision < f.next-1:
			f.anew()
			return nil
		case w.Rev > 0 && t.Lineage == Unproven:
			f.listed = false
			f.Sink.Doubt()
		}
		latest = latest || i == 0 && t.latest
	}
	// Between the last write and next there was nothing in the history that was
	// followed, but perhaps in this one.
	if f.last != nil && !(latest && f.last.Key == f.Probe) {
		f.next = min(f.next, f.last.Rev+1)
	}
	return nil
}

// anew forgets the history that was followed so far.
func (f *Feed) anew() {
	f.listed, f.next, f.last, f.head = false, 0, nil, nil
	f.Sink.Forget()
	f.Config.Logger.Warn("store feed starts anew", "prefix", f.Prefix, "error", ErrWentBack)
}

// noteCluster compares the cluster that answers with the one the feed knows. A
// grpc-proxy may leave the id out.
func (f *Feed) noteCluster(cluster uint64) error {
	known := f.cluster
	if cluster == 0 || cluster == known {
		return nil
	}
	f.cluster = cluster
	if known == 0 {
		return nil
	}
	f.anew()
	return ErrRelist
}

// probed looks at an answer to a probe. It was given a moment ago: events that
// came since may be ahead of it.
func (f *Feed) probed(ctx context.Context, client *clientv3.Client, r *clientv3.GetResponse) error {
	var kv *mvccpb.KeyValue
	if len(r.Kvs) > 0 {
		kv = r.Kvs[0]
	}
	if r.Header.Revision < f.next-1 || f.head != nil && !f.head.matches(kv) && kv.GetModRevision() <= f.head.Rev {
		return f.still(ctx, client)
	}
	if f.Sink.Behind(kv) {
		return ErrRelist
	}
	if !strings.HasPrefix(f.Probe, f.Prefix) { // else events tell of it
		f.see(r)
	}
	return nil
}

// still ends a session if the store is not the one that it began with. That
// can happen without a lost connection behind a proxy.
func (f *Feed) still(ctx context.Context, client *clientv3.Client) error {
	next := f.next
	if err := f.verify(ctx, client); err != nil {
		return err
	}
	if !f.listed {
		return ErrRelist
	}
	f.next = next
	return nil
}

// later reports whether a is a better witness than b: a later write, or of
// those at one revision the one with the mark.
func (f *Feed) later(a, b *mvccpb.KeyValue) bool {
	return a.ModRevision > b.ModRevision || a.ModRevision == b.ModRevision && string(a.Key) == f.Probe
}

// see remembers the head.
func (f *Feed) see(head *clientv3.GetResponse) {
	if len(head.Kvs) > 0 {
		f.head = witnessOf(head.Kvs[0])
	}
}

// witness remembers the last put among the events of one revision.
func (f *Feed) witness(events []*clientv3.Event) {
	var last *mvccpb.KeyValue
	for _, e := range events {
		if e.Type == clientv3.EventTypePut && (last == nil || f.later(e.Kv, last)) {
			last = e.Kv
		}
	}
	if last == nil {
		return
	}
	f.last = witnessOf(last)
	if f.last.Key == f.Probe {
		f.head = f.last
	}
}
