package link

import (
	"context"
	"errors"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/ringfence/ringfence/store/internal/record"
)

// Link is one process's access to etcd, which all of the store shares. It may be
// used by many goroutines at once.
type Link struct {
	Config  Config
	Keys    record.Layout
	Route   *Route           // to etcd
	Client  *clientv3.Client // for requests; feeds have their own
	Conns   Connections      // of the client
	Leases  *Leases
	Changed Pulse           // beats when it may be another one of the feeds that is in contact, or the members serve, or not
	Ctx     context.Context // ends with Close

	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	feeds  map[*Health]struct{}
	closed bool
}

// Open makes a Link. It only reads cfg: etcd need not be there yet. wrote is told
// what became of each write.
func Open(cfg Config, wrote func(error)) (*Link, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Link{Config: cfg, Keys: record.Layout{Prefix: cfg.Prefix}, feeds: map[*Health]struct{}{}}
	l.Ctx, l.cancel = context.WithCancel(context.Background())
	l.Route = newRoute(l.Ctx, cfg, l.Keys.Head(), l.Spawn)
	if l.Client, err = l.Route.dialMoving(grpc.WithStatsHandler(&l.Conns)); err != nil {
		l.cancel()
		return nil, err
	}
	l.Leases = newLeases(l.Ctx, l.Client, cfg.RequestTimeout)
	l.Route.changed, l.Route.wrote = l.Changed.Beat, wrote
	if len(cfg.Endpoints) > 1 {
		l.Spawn(func() { l.Route.attend(l.Client) })
	}
	return l, nil
}

// Close ends what was spawned, and waits for it.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.cancel()
	l.mu.Unlock()
	l.wg.Wait()
	return l.Client.Close()
}

// Spawn runs f until Close, which waits for it. After Close it does nothing.
func (l *Link) Spawn(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.wg.Go(f)
	}
}

// Idle waits, but not longer than until Close.
func (l *Link) Idle(d time.Duration) {
	select {
	case <-l.Ctx.Done():
	case <-time.After(d):
	}
}

// Failed wraps an error of waiting or of etcd for the caller of op.
func (l *Link) Failed(op string, err error) error {
	switch {
	case l.Ctx.Err() != nil:
		return &OpError{Op: op, Kind: ErrClosed}
	case errors.Is(err, context.Canceled):
		return &OpError{Op: op, Err: err}
	}
	kind := KindOf(err)
	if errors.Is(kind, ErrUnavailable) && l.Route.Leaderless() != nil {
		kind = ErrNoLeader
	}
	return &OpError{Op: op, Kind: kind, Err: err}
}

// Register counts a feed's health in Contact until the returned function is called.
func (l *Link) Register(h *Health) (remove func()) {
	h.tell(&l.Changed)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feeds[h] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.feeds, h)
	}
}

// Contact is the contact of all feeds with etcd.
type Contact struct {
	Lost  bool      // by one of them at least
	Since time.Time // the first lost it
	Heard time.Time // etcd was heard of last, by the one that has not heard of it for longest; zero: never
	Cause error     // of the first; may be nil
}

// Contact tells how the feeds are that are registered. One that has just begun
// has lost nothing: as long as it has neither had contact nor failed, it counts
// only if there is none that has contact.
func (l *Link) Contact() (c Contact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var begun Contact // of those that have just begun
	some := false     // of them has contact
	for h := range l.feeds {
		live, since, cause, tried := h.State()
		switch {
		case live:
			some = true
		case tried:
			c.add(since, h.lastHeard(), cause)
		default:
			begun.add(since, h.lastHeard(), cause)
		}
	}
	if !c.Lost && !some {
		return begun
	}
	return c
}

// add counts a feed that has no contact.
func (c *Contact) add(since, heard time.Time, cause error) {
	if !c.Lost || heard.Before(c.Heard) {
		c.Heard = heard
	}
	if !c.Lost || since.Before(c.Since) {
		c.Lost, c.Since, c.Cause = true, since, cause
	}
}
