package store

import (
	"context"
	"log/slog"
	"reflect"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// policySink turns the keys below policy/ into batches for a Handler. A feed calls it from
// one goroutine; handOwn comes from those that write.
type policySink struct {
	ctx     context.Context
	keys    record.Layout
	handler Handler

	mu        sync.Mutex // held while a batch is handed on, but for one of a list
	listing   bool       // a list is under way: nothing else is handed on, and Load's fields are its own
	loaded    bool       // the handler has the whole policy of a list, and is told what differs
	doubted   bool       // the handler's state may be of another history
	rev       int64      // of the last batch
	head      Write      // the latest mutation up to there
	mutations int64      // its Version
	ahead     []Write    // writes of this process that were handed on before the watch told of them, see ownWrite
	log       *slog.Logger

	unreadable map[string]Unreadable // by key
	listed     []Unreadable          // the same, sorted; nil = to be made
	suspect    int64                 // mutations that the watch had told of when a probe last differed, -1 = it did not
}

// Forget makes the next load a full one.
func (p *policySink) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loaded = false
}

// Doubt has the next load compare what objects are: that one was written at the
// revision it has here proves nothing.
func (p *policySink) Doubt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubted = true
}

// Load makes one batch of all keys: everything the first time, then what
// differs from the handler's state.
func (p *policySink) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	p.list(true)
	defer p.list(false)
	var state *secgroup.Snapshot
	if p.loaded {
		state = p.handler.State()
	}
	if state == nil {
		state = secgroup.NewSnapshot()
		p.loaded = false
	}
	b := Batch{Broken: !p.loaded || p.doubted, listed: true}
	var whole *loading // nil: what differs is enough
	if !p.loaded {
		whole = startLoading()
		defer whole.stop()
	}
	gone := map[secgroup.Key]struct{}{}
	for o := range state.Objects() {
		gone[o.Key()] = struct{}{}
	}
	var mutations int64
	var read record.Reader
	before := p.unreadable
	p.unreadable, p.listed = map[string]Unreadable{}, nil
	err := pages(func(kv *mvccpb.KeyValue) error {
		b.Revision = max(b.Revision, kv.ModRevision)
		if string(kv.Key) == p.keys.Head() {
			mutations, b.head = kv.Version, record.WriteOf(kv)
			return nil
		}
		k, err := p.keys.Parse(string(kv.Key))
		if err != nil {
			p.cannotRead(k, kv, err)
			return nil
		}
		if _, had := gone[k]; had {
			delete(gone, k)
			_, bad := before[string(kv.Key)]
			was := state.Get(k)
			if !bad && (k.Kind == secgroup.KindAttachment || secgroup.RevisionOf(was) == kv.ModRevision && (!p.doubted || isStill(was, k, kv))) {
				return nil
			}
		}
		p.put(&b, &read, k, kv, state)
		if whole != nil {
			b.Changes = whole.take(b.Changes)
		}
		return nil
	})
	if err != nil {
		p.unreadable, p.listed = before, nil
		return err
	}
	if p.loaded && (mutations < p.mutations || b.Revision < p.rev) {
		// Not the store it was: revisions mean something else now.
		p.loaded = false
		return link.ErrRelist
	}
	if b.head.Revision == b.Revision {
		b.Mark = b.head.Mark
	}
	for k := range gone {
		b.Changes = append(b.Changes, secgroup.Delete(k))
	}
	if whole != nil {
		b.Full, b.Changes = whole.end(b.Changes, b.Revision), nil
	}
	if b.Broken || b.Revision > p.rev || len(b.Changes) > 0 {
		if err := p.handBatch(b); err != nil {
			return err
		}
	}
	p.loaded, p.doubted, p.head, p.mutations, p.ahead = true, false, b.head, mutations, nil
	return nil
}

// list notes that a list begins, or that it ends.
func (p *policySink) list(begins bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listing = begins
}

// isStill reports whether a record is an object as it was, and nothing more.
func isStill(was secgroup.Object, k secgroup.Key, kv *mvccpb.KeyValue) bool {
	now, more, err := record.DecodeObject(k, kv.ModRevision, kv.Value)
	return err == nil && more == nil && reflect.DeepEqual(was, now)
}

// Events makes one batch of the events of one revision.
func (p *policySink) Events(rev int64, events []*clientv3.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, err := p.wasHanded(rev, events); known || err != nil {
		return err
	}
	return p.handRevision(rev, events)
}

// handRevision is Events for a revision that was not handed on yet.
func (p *policySink) handRevision(rev int64, events []*clientv3.Event) error {
	if rev <= p.rev {
		return link.ErrRelist
	}
	b := Batch{Revision: rev}
	head, mutations := p.head, p.mutations
	state := p.handler.State()
	if kv := headIn(p.keys, events); kv != nil {
		if mutations++; kv.Version != mutations { // 0 if it was deleted
			return link.ErrRelist
		}
		head = record.WriteOf(kv)
		b.head, b.Mark = head, head.Mark
	}
	for _, e := range events {
		if string(e.Kv.Key) == p.keys.Head() {
			continue
		}
		p.canRead(e.Kv)
		k, err := p.keys.Parse(string(e.Kv.Key))
		switch {
		case e.Type == clientv3.EventTypeDelete:
			if err == nil {
				b.Changes = append(b.Changes, secgroup.Delete(k))
			}
		case err != nil:
			p.cannotRead(k, e.Kv, err)
		default:
			p.put(&b, new(record.Reader), k, e.Kv, state)
		}
	}
	if err := p.handBatch(b); err != nil {
		return err
	}
	p.head, p.mutations = head, mutations
	return nil
}

// headIn returns the head as the events of one revision have it, nil if they leave it alone.
func headIn(l record.Layout, events []*clientv3.Event) *mvccpb.KeyValue {
	for _, e := range events {
		if string(e.Kv.Key) == l.Head() {
			return e.Kv
		}
	}
	return nil
}

// Behind compares the head with what was seen of it. Events may be under way,
// so only a second probe counts that finds no progress since the first.
func (p *policySink) Behind(head *mvccpb.KeyValue) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if head.GetVersion() == p.mutations && len(p.ahead) == 0 {
		p.suspect = -1
		return false
	}
	told := p.mutations - int64(len(p.ahead))
	again := p.suspect == told
	p.suspect = told
	return again
}

// put adds a record to a batch: as the object that it is, or as what stands in
// for one that cannot be read. state is the policy before, nil if it is unknown.
func (p *policySink) put(b *Batch, read *record.Reader, k secgroup.Key, kv *mvccpb.KeyValue, state *secgroup.Snapshot) {
	o, more, err := read.Object(k, kv.ModRevision, kv.Value)
	if err != nil {
		p.cannotRead(k, kv, err)
		var old secgroup.Object
		if state != nil {
			old = state.Get(k)
		}
		b.Changes = append(b.Changes, secgroup.Change{Key: k, Object: standIn(k, kv, old)})
		return
	}
	b.Changes = append(b.Changes, secgroup.Put(o))
	if more != nil {
		if b.rests == nil {
			b.rests = map[secgroup.Key]*record.Rest{}
		}
		b.rests[k] = more
	}
}

// handBatch hands a batch on, with what cannot be read. A handler that fails ends the feed.
func (p *policySink) handBatch(b Batch) error {
	b.Unreadable = p.allUnreadable()
	if err := p.handler.Handle(p.ctx, b); err != nil {
		return link.StopError{Err: err}
	}
	p.rev = b.Revision
	return nil
}
