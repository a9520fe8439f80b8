package questions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// asksAtOnce bounds how many questions a host works on at a time.
const asksAtOnce = 32

// Serve has questions to a host answered until ctx ends, several at a time.
// Questions that came while nobody served are answered if they are still open.
func (d *Desk) Serve(ctx context.Context, host string, answer inquiry.Answerer) error {
	if host == "" || strings.Contains(host, "/") {
		return &link.OpError{Op: "serve asks", Err: errors.New("host: no name without /")}
	}
	return d.serve(ctx, d.link.Keys.Ask(host), asksAtOnce, func(asked string) (inquiry.Answerer, bool) { return answer, asked == host })
}

// ServeMany has questions to those hosts answered for which of returns an inquiry.Answerer
// when they come, until ctx ends.
func (d *Desk) ServeMany(ctx context.Context, of func(host string) (inquiry.Answerer, bool)) error {
	return d.serve(ctx, d.link.Keys.Asks(), d.Waiting, of) // the hosts have bounds of their own
}

func (d *Desk) serve(ctx context.Context, prefix string, atOnce int, of func(host string) (inquiry.Answerer, bool)) error {
	b := &askBoard{desk: d, ctx: ctx, of: of, open: map[string]struct{}{}, slots: make(chan struct{}, atOnce)}
	defer b.wg.Wait()
	f := &link.Feed{Config: d.link.Config, Route: d.link.Route, Prefix: prefix, Probe: d.link.Keys.Head(), Sink: b, Health: link.NewHealth()}
	return f.Run(ctx)
}

// Refused is how many questions were refused here since the desk was made, for
// too many others waited.
func (d *Desk) Refused() int64 { return d.refused.Load() }

// askBoard is the sink that has a host's questions answered.
type askBoard struct {
	desk  *Desk
	ctx   context.Context
	of    func(host string) (inquiry.Answerer, bool)
	slots chan struct{}
	wg    sync.WaitGroup

	mu       sync.Mutex
	open     map[string]struct{} // questions being answered, by key
	refusing int                 // questions being refused
}

func (b *askBoard) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	return pages(func(kv *mvccpb.KeyValue) error {
		b.take(kv)
		return nil
	})
}

func (b *askBoard) Events(_ int64, events []*clientv3.Event) error {
	for _, e := range events {
		if e.Type == clientv3.EventTypePut {
			b.take(e.Kv)
		}
	}
	return nil
}

func (b *askBoard) Forget()                      {}
func (b *askBoard) Doubt()                       {}
func (b *askBoard) Behind(*mvccpb.KeyValue) bool { return false }

// take begins to answer a question, unless that has begun already.
func (b *askBoard) take(kv *mvccpb.KeyValue) {
	id, ok := strings.CutSuffix(string(kv.Key), askQuestion)
	if !ok {
		return
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(id, b.desk.link.Keys.Asks()), "/")
	answer, served := b.of(host)
	if !served {
		return
	}
	var q askRecord
	if err := record.Unmarshal(kv.Value, &q); err != nil {
		b.desk.link.Config.Logger.Warn("question ignored", "error", &record.Error{Key: string(kv.Key), Err: err})
		return
	}
	if b.desk.denied(host) {
		return // another machine is the host: it answers
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, twice := b.open[id]; twice {
		return
	}
	if len(b.open) >= b.desk.Waiting {
		b.desk.refused.Add(1)
		if b.refusing < b.desk.Waiting { // else it waits in vain, as what nobody answers
			b.refusing++
			b.wg.Go(func() {
				ctx, cancel := context.WithTimeout(b.ctx, time.Duration(q.TimeoutMS)*time.Millisecond)
				defer cancel()
				b.reply(ctx, id, q.Kind, clientv3.LeaseID(kv.Lease), nil,
					fmt.Errorf("busy: %d questions wait already; ask again later", b.desk.Waiting))
				b.mu.Lock()
				b.refusing--
				b.mu.Unlock()
			})
		}
		return
	}
	b.open[id] = struct{}{}
	b.wg.Go(func() {
		b.handle(id, q, answer, clientv3.LeaseID(kv.Lease))
		b.mu.Lock()
		delete(b.open, id)
		b.mu.Unlock()
	})
}

func (b *askBoard) handle(id string, q askRecord, answer inquiry.Answerer, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(b.ctx, time.Duration(q.TimeoutMS)*time.Millisecond)
	defer cancel()
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-b.slots }()
	body, err := answer(ctx, q.Kind, q.Body)
	b.reply(ctx, id, q.Kind, lease, body, err)
}

// reply writes an answer, or a refusal.
func (b *askBoard) reply(ctx context.Context, id, kind string, lease clientv3.LeaseID, body json.RawMessage, refusal error) {
	value, err := sealAnswer(body, refusal, b.desk.link.Config.MaxRequestBytes-1024)
	if err == nil {
		// Only while the question stands: an answer to nobody would stay.
		_, err = b.desk.link.Client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(id+askQuestion), ">", 0)).
			Then(clientv3.OpPut(id+askAnswer, value, clientv3.WithLease(lease))).Commit()
	}
	if err != nil && ctx.Err() == nil {
		b.desk.link.Config.Logger.Warn("question not answered", "kind", kind, "error", err)
	}
}
