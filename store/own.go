package store

import (
	"strings"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// ownWrite is a write of this process, as the watch will tell of it. Update hands it to the
// cache's policySink as soon as etcd has answered: if it follows right on what the cache
// has, the cache has it at once, and passes over what the watch tells of it later.
//
//	cache at 7 ── own write 9, of a head that was 7 ──► cache at 9 ── watch: 9, known
//	cache at 7 ── own write 9, of a head that was 8 ──► it waits ── watch: 8, then 9
type ownWrite struct {
	after  *mvccpb.KeyValue // the head before it, nil if there was none
	made   Write
	events []*clientv3.Event
}

// asOwnWrite returns the draft's write as the watch will tell of it, given etcd's answer.
func (d *draft) asOwnWrite(l record.Layout, r *clientv3.TxnResponse) *ownWrite {
	rev := r.Header.Revision
	w := &ownWrite{after: headBefore(r.Responses), made: d.written(rev)}
	for _, op := range d.txn.ops {
		key := string(op.KeyBytes())
		switch {
		case !strings.HasPrefix(key, l.Policy()): // a guard, say
		case op.IsDelete():
			w.events = append(w.events, &clientv3.Event{Type: clientv3.EventTypeDelete, Kv: &mvccpb.KeyValue{Key: op.KeyBytes(), ModRevision: rev}})
		default:
			w.events = append(w.events, &clientv3.Event{Type: clientv3.EventTypePut, Kv: &mvccpb.KeyValue{Key: op.KeyBytes(), Value: op.ValueBytes(), ModRevision: rev}})
		}
		if key == l.Head() {
			w.events[len(w.events)-1].Kv.Version = w.after.GetVersion() + 1
		}
	}
	return w
}

// headBefore returns the head from before a transaction: it is the one key whose former value
// a draft asks for.
func headBefore(all []*etcdserverpb.ResponseOp) *mvccpb.KeyValue {
	for _, r := range all {
		kv := r.GetResponsePut().GetPrevKv()
		if nested := r.GetResponseTxn(); nested != nil {
			kv = headBefore(nested.Responses)
		}
		if kv != nil {
			return kv
		}
	}
	return nil
}

// maxAhead bounds how many writes the watch may be behind those of this process.
const maxAhead = 1024

// handOwn hands on a write of this process before the watch tells of it, if it follows
// right on what was handed on last: the head before it is the one that is known here,
// so the store has no other history either.
func (p *policySink) handOwn(w *ownWrite) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listing || !p.loaded || p.doubted || w.after.GetVersion() != p.mutations || record.WriteOf(w.after) != p.head || w.made.Revision <= p.rev || len(p.ahead) >= maxAhead {
		return false
	}
	if p.handRevision(w.made.Revision, w.events) != nil {
		return false // the watch brings it, and ends the feed if it must
	}
	p.ahead = append(p.ahead, w.made)
	return true
}

// wasHanded reports whether what the watch brings was handed on already.
func (p *policySink) wasHanded(rev int64, events []*clientv3.Event) (known bool, err error) {
	if len(p.ahead) == 0 {
		return false, nil
	}
	mark := record.MarkOf(headIn(p.keys, events))
	switch first := p.ahead[0]; {
	case first == (Write{Revision: rev, Mark: mark}):
		p.ahead = p.ahead[1:]
		return true, nil
	case rev < first.Revision && mark == "":
		// Other hands than a store's wrote before it and left the head alone. What
		// is there now is found out by a list.
	default:
		p.loaded = false // the write is not there any more: it is another history
	}
	return false, link.ErrRelist
}
