package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Feed brings all keys below a prefix to a sink and keeps it current: it lists
// at one revision and watches from the next one on, over lost connections and
// compactions, until its context ends or the sink gives up.
//
// It has an etcd client of its own for each session. Watches of one client
// share a stream, on which one watch's bulk would hold up or, in fragments,
// displace another's; and a new client owes nothing to a dead connection.
//
//	list → watch from list+1 → … → lost: watch from last+1
//	  ↑                                    │
//	  └── compacted, or the sink is off ───┘
type Feed struct {
	Config Config
	Route  *Route
	Prefix string
	Probe  string // key whose value tells the sink whether it is current
	Sink   Sink
	Health *Health

	heard   bool // of etcd, in this session
	listed  bool
	next    int64    // etcd revision to watch from
	cluster uint64   // id of the etcd cluster; a backup restored under another token has another one
	last    *Witness // latest write below the prefix that the sink got; nil: none
	head    *Witness // latest mutation of the policy that was seen; nil: none
}

// Sink takes what a feed brings. Its methods are called by one goroutine.
type Sink interface {
	// Load gets all keys as they are at one revision.
	Load(pages func(func(*mvccpb.KeyValue) error) error) error
	// Events gets all events of one revision.
	Events(rev int64, events []*clientv3.Event) error
	// Forget says that etcd's history is another one than before.
	Forget()
	// Doubt says that it may be, and that nothing is left that would tell. What
	// the sink has proves nothing about what the next load brings.
	Doubt()
	// Behind is told the probed key as it was a moment ago (nil = absent), and
	// reports whether that shows that events are missing for good.
	Behind(kv *mvccpb.KeyValue) bool
}

// StopError ends a feed: what it holds is for the caller of Follow.
type StopError struct{ Err error }

func (e StopError) Error() string { return e.Err.Error() }

// ErrRelist makes a feed list again soon. Contact is not lost by it.
var ErrRelist = errors.New("events are missing")

// ErrWentBack makes a feed start anew.
var ErrWentBack = errors.New("the store has another history than before: it was restored from a backup, or is another store")

const (
	// RetryDelayMin is the first pause between two tries.
	RetryDelayMin = 50 * time.Millisecond
	// RetryDelayMax is the longest one.
	RetryDelayMax = 2 * time.Second

	settledSession = 10 * time.Second
)

// Run returns the context's error or the sink's StopError.
func (f *Feed) Run(ctx context.Context) error {
	delay := RetryDelayMin
	for {
		began := time.Now()
		err := f.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if stop, ok := errors.AsType[StopError](err); ok {
			return stop
		}
		if live, _, _, _ := f.Health.State(); errors.Is(err, errMoved) && (f.heard || !live) {
			continue // with a member that has just answered
		}
		if !errors.Is(err, ErrRelist) || !f.heard { // who tells that events are missing is in contact
			f.Health.lost(err)
		}
		if time.Since(began) > settledSession {
			delay = RetryDelayMin
		}
		level := slog.LevelDebug // that the store is lost is said once, by the store
		if errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, ErrRelist) {
			level = slog.LevelWarn
		}
		f.Config.Logger.Log(ctx, level, "store feed interrupted", "prefix", f.Prefix, "retry_in", delay, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay/2 + rand.N(delay)):
		}
		delay = min(2*delay, RetryDelayMax)
	}
}

// session lists if need be and then watches until something breaks.
func (f *Feed) session(ctx context.Context) (err error) {
	f.heard = false
	client, here, err := f.Route.dial()
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(here, func() { cancel(errMoved) })()
	defer func() {
		var stop StopError
		if errors.Is(context.Cause(ctx), errMoved) && !errors.As(err, &stop) {
			err = errMoved
		}
	}()
	if err := f.verify(ctx, client); err != nil {
		return fmt.Errorf("look: %w", err)
	}
	// From here on the store may be exchanged only if the connection breaks.
	broken := f.connection(ctx, client)
	if !f.listed {
		if err := f.list(ctx, client); err != nil {
			return fmt.Errorf("list: %w", err)
		}
		f.listed = true
	}
	err = f.watch(ctx, client, broken)
	if errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, ErrRelist) {
		f.listed = false
	}
	return fmt.Errorf("watch: %w", err)
}

// watch hands on events from f.next on, revision by revision. etcd sends all
// events of one revision in one response (watches are not fragmented here).
func (f *Feed) watch(ctx context.Context, client *clientv3.Client, broken <-chan error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	responses := client.Watch(clientv3.WithRequireLeader(ctx), f.Prefix, clientv3.WithPrefix(), clientv3.WithRev(f.next), clientv3.WithCreatedNotify())
	created := time.NewTimer(f.Config.ProbeTimeout)
	defer created.Stop()
	var silent <-chan error
	var probes <-chan *clientv3.GetResponse
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-created.C:
			return errors.New("etcd does not answer")
		case err := <-broken:
			return err
		case err := <-silent:
			return err
		case r := <-probes:
			if err := f.probed(ctx, client, r); err != nil {
				return err
			}
			f.contact()
		case r, ok := <-responses:
			if !ok {
				return errors.New("watch ended")
			}
			if err := r.Err(); err != nil {
				return err
			}
			if err := f.noteCluster(r.Header.ClusterId); err != nil {
				return err
			}
			if r.Header.Revision < f.next-1 {
				if err := f.still(ctx, client); err != nil {
					return err
				}
			}
			if r.Created {
				created.Stop()
				silent, probes = f.supervise(ctx, client)
			}
			if err := f.deliver(r.Events); err != nil {
				return err
			}
			f.contact()
		}
	}
}

func (f *Feed) contact() {
	f.heard = true
	f.Health.contact()
}

// deliver hands one response to the sink, a revision at a time.
func (f *Feed) deliver(events []*clientv3.Event) error {
	for len(events) > 0 {
		rev, n := events[0].Kv.ModRevision, 1
		for n < len(events) && events[n].Kv.ModRevision == rev {
			n++
		}
		if err := f.Sink.Events(rev, events[:n]); err != nil {
			return err
		}
		f.witness(events[:n])
		f.next = rev + 1
		events = events[n:]
	}
	return nil
}
