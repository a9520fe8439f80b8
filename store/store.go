package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Store is one process's access to the policy and the hosts. All methods may
// be called from many goroutines at once.
type Store struct {
	cfg     Config
	keys    record.Layout
	route   *link.Route // to etcd
	trouble trouble
	checked check
	client  *clientv3.Client // for requests; feeds have their own
	conns   link.Connections // of the client
	asked   atomic.Int64     // connections made when the store was last found to be the one of the cache

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	feeds  map[*link.Health]struct{}
	closed bool

	cache  func() *cache     // starts the cache on first use
	hosts  func() *hostBoard // starts the watch of hosts on first use
	losses func() *lossBoard // starts the watch of what was lost on first use
	close  func() error
	leases *link.Leases

	refusedAsks atomic.Int64

	memberBoard func() *memberBoard // starts the watch of members on first use
	seats       seats
	retry       chan struct{} // held by the one Update that retries after a conflict
}

// Open returns a Store. It only reads cfg: etcd need not be there yet, and
// nothing is loaded before it is asked for. The policy is cached from the
// first Read, Update or Sync on, the hosts from the first Hosts or WaitHosts;
// Follow and PutHost need neither.
func Open(_ context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, &OpError{Op: "open", Err: err}
	}
	s := &Store{cfg: cfg, keys: record.Layout{Prefix: cfg.Prefix}, feeds: map[*link.Health]struct{}{}, retry: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.route = link.NewRoute(s.ctx, cfg, s.keys.Head(), s.spawn)
	if s.client, err = s.route.DialMoving(grpc.WithStatsHandler(&s.conns)); err != nil {
		s.cancel()
		return nil, &OpError{Op: "open", Err: err}
	}
	s.leases = link.NewLeases(s.ctx, s.client, cfg.RequestTimeout)
	s.route.Changed, s.route.Wrote = s.trouble.changed.Beat, s.trouble.wrote
	s.spawn(s.tellTrouble)
	if len(cfg.Endpoints) > 1 {
		s.spawn(func() { s.route.Attend(s.client) })
	}
	s.cache = sync.OnceValue(s.startCache)
	s.hosts = sync.OnceValue(s.startHosts)
	s.losses = sync.OnceValue(s.startLosses)
	s.memberBoard = sync.OnceValue(s.startMembers)
	s.close = sync.OnceValue(s.shut)
	return s, nil
}

// Close ends all that the store does, Follow included, and waits for what it
// started itself. Closing again does nothing.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	s.mu.Lock()
	s.closed = true
	s.cancel()
	s.mu.Unlock()
	s.wg.Wait()
	return s.client.Close()
}

// Read calls f with the cached policy, under a read lock: f must not keep the
// snapshot, wait for anything, or call Read or Update. Objects in the snapshot
// are never mutated and may be kept.
//
// The cache is also read while etcd is lost: it is then the last state that
// was seen, and Stale says so. Before the first load it is ErrUnavailable.
func (s *Store) Read(ctx context.Context, f func(*secgroup.Snapshot) error) error {
	c := s.cache()
	if err := c.ready(ctx); err != nil {
		return s.failed("read", err)
	}
	return c.read(f)
}

// Sync waits until the cache is loaded and in contact with etcd. Unlike Read
// it waits for an etcd that is not there yet, until ctx ends.
func (s *Store) Sync(ctx context.Context) error {
	c := s.cache()
	for {
		beat := c.health.Pulse.Next()
		live, _, cause, _ := c.health.State()
		if live {
			return nil
		}
		select {
		case <-s.ctx.Done():
			return &OpError{Op: "sync", Kind: ErrClosed}
		case <-ctx.Done():
			if cause == nil {
				cause = ctx.Err()
			}
			return s.failed("sync", cause)
		case <-beat:
		}
	}
}

// Generation counts the histories of the store that this process has followed: a
// number that is another one than before says that etcd was restored from a
// backup meanwhile, or may have been, and that revisions of before mean nothing
// any more.
func (s *Store) Generation() int64 { return s.cache().now().number }

// Stale reports whether the store has lost contact with etcd, or not had it
// yet, and since when. It looks at what the process uses: the cache, the
// hosts, each Follow.
func (s *Store) Stale() (since time.Time, stale bool) {
	c := s.contact()
	return c.Since, c.Lost()
}

// contact is the condition that the feeds tell of.
func (s *Store) contact() (c Condition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.feeds {
		live, since, cause, _ := h.State()
		if live {
			continue
		}
		if heard := h.LastHeard(); c.Kind == nil || heard.Before(c.Heard) {
			c.Heard = heard
		}
		if c.Kind == nil || since.Before(c.Since) {
			c.Kind, c.Since, c.Cause = ErrUnavailable, since, cause
		}
	}
	return c
}

// register counts a feed's health in Stale until the returned function is called.
func (s *Store) register(h *link.Health) (remove func()) {
	h.Tell(&s.trouble.changed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds[h] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.feeds, h)
	}
}

// spawn runs f until Close, which waits for it. After Close it does nothing.
func (s *Store) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(f)
	}
}

// failed wraps an error of waiting or of etcd for the caller of op.
func (s *Store) failed(op string, err error) error {
	switch {
	case s.ctx.Err() != nil:
		return &OpError{Op: op, Kind: ErrClosed}
	case errors.Is(err, context.Canceled):
		return &OpError{Op: op, Err: err}
	}
	kind := link.KindOf(err)
	if errors.Is(kind, ErrUnavailable) && s.route.Leaderless() != nil {
		kind = ErrNoLeader
	}
	return &OpError{Op: op, Kind: kind, Err: err}
}
