package questions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// defaultAskTimeout bounds a question whose context has no deadline.
const defaultAskTimeout = 10 * time.Second

// askStreams is how many streams of watches the questions of a process share.
const askStreams = 8

// askKept is how long a question may stay in etcd if whoever asked dies.
const askKept = time.Minute

// Ask puts a question to a host's Serve and returns its answer, which can
// come from any host that reaches the store: the two never talk to each other
// directly. The body is JSON, of at most link.Config.MaxRequestBytes. Until ctx ends
// without an answer (inquiry.ErrNoAnswer); a host that refuses is an *inquiry.AnswerError.
//
// A question costs etcd three small writes: itself, the answer, and the removal
// of both. It is on a lease, so that nothing stays behind a process that dies.
func (d *Desk) Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error) {
	answer, err := d.ask(ctx, host, kind, body)
	if err != nil {
		return nil, fmt.Errorf("store: ask %s of host %s: %w", kind, host, err)
	}
	return answer, nil
}

func (d *Desk) ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error) {
	if host == "" || strings.Contains(host, "/") {
		return nil, fmt.Errorf("%q is no host", host)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultAskTimeout)
		defer cancel()
	}
	deadline, _ := ctx.Deadline()
	value, err := record.Marshal(askRecord{Header: record.Current, Kind: kind, Body: body, TimeoutMS: time.Until(deadline).Milliseconds()})
	if err != nil {
		return nil, err
	}
	id := d.link.Keys.Ask(host) + uuid.NewString()
	// The watch comes first: one from a revision that etcd is past is served no
	// sooner than with its next round, every 100 ms.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The client makes the watches of one stream one after the other.
	stream := metadata.AppendToOutgoingContext(ctx, "ask-stream", strconv.Itoa(rand.IntN(askStreams)))
	answers := d.link.Client.Watch(stream, id+askAnswer, clientv3.WithFilterDelete(), clientv3.WithCreatedNotify())
	if err := d.watching(ctx, answers); err != nil {
		return nil, err
	}
	if err := d.putShortLived(ctx, id+askQuestion, value); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", inquiry.ErrNoAnswer, ctx.Err())
		}
		return nil, fmt.Errorf("%w: %w", link.ErrUnavailable, err)
	}
	defer d.link.Spawn(func() { //nolint:contextcheck // the question is removed because who asked has gone
		ctx, cancel := context.WithTimeout(d.link.Ctx, d.link.Config.RequestTimeout)
		defer cancel()
		if _, err := d.link.Client.Delete(ctx, id+"/", clientv3.WithPrefix()); err != nil {
			d.link.Config.Logger.Debug("question not removed; its lease will", "key", id, "error", err)
		}
	})
	return d.await(ctx, host, answers)
}

// watching returns when a watch has begun.
func (d *Desk) watching(ctx context.Context, answers clientv3.WatchChan) error {
	late := time.NewTimer(d.link.Config.RequestTimeout)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", inquiry.ErrNoAnswer, ctx.Err())
	case <-late.C:
		return fmt.Errorf("%w: no watch begins", link.ErrUnavailable)
	case r, ok := <-answers:
		switch {
		case ok && r.Err() == nil:
			return nil
		case d.link.Ctx.Err() != nil:
			return link.ErrClosed
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w", inquiry.ErrNoAnswer, ctx.Err())
		}
		return fmt.Errorf("%w: %w", link.ErrUnavailable, cmp.Or(r.Err(), errors.New("the watch ended")))
	}
}

// await returns the answer when it appears.
func (d *Desk) await(ctx context.Context, host string, answers clientv3.WatchChan) ([]byte, error) {
	for r := range answers {
		if err := r.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", link.ErrUnavailable, err)
		}
		for _, e := range r.Events {
			return openAnswer(host, e.Kv.Value)
		}
	}
	if d.link.Ctx.Err() != nil {
		return nil, link.ErrClosed
	}
	return nil, fmt.Errorf("%w: %w", inquiry.ErrNoAnswer, context.Cause(ctx))
}

// putShortLived writes a key that goes away within a few minutes at the latest.
func (d *Desk) putShortLived(ctx context.Context, key, value string) error {
	for attempt := 0; ; attempt++ {
		lease, err := d.link.Leases.Get(ctx, askKept)
		if err != nil {
			return err
		}
		_, err = d.link.Client.Put(ctx, key, value, clientv3.WithLease(lease))
		if err == nil || attempt > 0 || !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err
		}
		d.link.Leases.Forget() // etcd was away for longer than its time
	}
}
