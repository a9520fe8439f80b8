package store

import (
	"context"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
)

// policySink turns the keys below policy/ into batches for a Handler.
type policySink struct {
	ctx     context.Context
	keys    layout
	handler Handler

	loaded    bool
	rev       int64 // of the last batch
	mutations int64 // Version of the head then
	suspect   int64 // mutations when a probe last differed, -1 = it did not
}

// forget makes the next load a full one.
func (p *policySink) forget() { p.loaded = false }

// load makes one batch of all keys: everything the first time, then what
// differs from the handler's state.
func (p *policySink) load(pages func(func(*mvccpb.KeyValue) error) error) error {
	var state *secgroup.Snapshot
	if p.loaded {
		state = p.handler.State()
	}
	if state == nil {
		state = secgroup.NewSnapshot()
		p.loaded = false
	}
	b := Batch{Full: !p.loaded}
	gone := map[secgroup.Key]struct{}{}
	for o := range state.Objects() {
		gone[o.Key()] = struct{}{}
	}
	var mutations int64
	err := pages(func(kv *mvccpb.KeyValue) error {
		b.Revision = max(b.Revision, kv.ModRevision)
		if string(kv.Key) == p.keys.head() {
			mutations = kv.Version
			return nil
		}
		k, err := p.keys.parse(string(kv.Key))
		if err != nil {
			return &RecordError{Key: string(kv.Key), Err: err}
		}
		if _, had := gone[k]; had {
			delete(gone, k)
			if k.Kind == secgroup.KindAttachment || revisionOf(state.Get(k)) == kv.ModRevision {
				return nil
			}
		}
		return p.put(&b, k, kv)
	})
	if err != nil {
		return err
	}
	if p.loaded && (mutations < p.mutations || b.Revision < p.rev) {
		// Not the store it was: revisions mean something else now.
		p.forget()
		return errRelist
	}
	for k := range gone {
		b.Changes = append(b.Changes, secgroup.Delete(k))
	}
	if b.Full || b.Revision > p.rev || len(b.Changes) > 0 {
		if err := p.hand(b); err != nil {
			return err
		}
	}
	p.loaded, p.mutations = true, mutations
	return nil
}

// events makes one batch of the events of one revision.
func (p *policySink) events(rev int64, events []*clientv3.Event) error {
	if rev <= p.rev {
		return errRelist
	}
	b := Batch{Revision: rev}
	mutations := p.mutations
	for _, e := range events {
		if string(e.Kv.Key) == p.keys.head() {
			if mutations++; e.Type != clientv3.EventTypePut || e.Kv.Version != mutations {
				return errRelist
			}
			continue
		}
		k, err := p.keys.parse(string(e.Kv.Key))
		if err != nil {
			return &RecordError{Key: string(e.Kv.Key), Err: err}
		}
		if e.Type == clientv3.EventTypeDelete {
			b.Changes = append(b.Changes, secgroup.Delete(k))
		} else if err := p.put(&b, k, e.Kv); err != nil {
			return err
		}
	}
	if err := p.hand(b); err != nil {
		return err
	}
	p.mutations = mutations
	return nil
}

// behind compares the head with what was seen of it. Events may be under way,
// so only a second probe counts that finds no progress since the first.
func (p *policySink) behind(head *mvccpb.KeyValue) bool {
	if head.GetVersion() == p.mutations {
		p.suspect = -1
		return false
	}
	again := p.suspect == p.mutations
	p.suspect = p.mutations
	return again
}

func (p *policySink) put(b *Batch, k secgroup.Key, kv *mvccpb.KeyValue) error {
	o, err := decodeObject(k, kv.ModRevision, kv.Value)
	if err != nil {
		return &RecordError{Key: string(kv.Key), Err: err}
	}
	b.Changes = append(b.Changes, secgroup.Put(o))
	return nil
}

func (p *policySink) hand(b Batch) error {
	if err := p.handler.Handle(p.ctx, b); err != nil {
		return stopError{err}
	}
	p.rev = b.Revision
	return nil
}
