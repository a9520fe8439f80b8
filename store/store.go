package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/batch"
	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/hosts"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/membership"
	"github.com/ringfence/ringfence/store/internal/questions"
	"github.com/ringfence/ringfence/store/internal/reporting"
)

// Store is one process's access to the policy and the hosts. All methods may
// be called from many goroutines at once.
type Store struct {
	link    *link.Link // to etcd
	trouble trouble
	checked check
	proven  atomic.Int64 // connections that had been made when etcd was last found to have the cache's history

	cache    func() *cache            // starts the cache on first use
	hosts    func() *hosts.Board      // follows the hosts, from the first use on
	restores func() *history.Restores // follows what restores of the store have lost, from the first use on
	close    func() error

	questions *questions.Desk       // to hosts
	members   *membership.Members   // of the cluster
	reports   *reporting.Reporter   // of this process's own hosts
	updates   *batch.Queue[*update] // those that wait for the transaction that is under way
}

// Open returns a Store. It only reads cfg: etcd need not be there yet, and
// nothing is loaded before it is asked for. The policy is cached from the
// first Read, Update or Sync on, the hosts from the first Hosts or WaitHosts;
// Follow and PutHost need neither.
func Open(_ context.Context, cfg Config) (*Store, error) {
	s := &Store{}
	var err error
	if s.link, err = link.Open(cfg, s.trouble.wrote); err != nil { //nolint:contextcheck // the store lives until Close
		return nil, &OpError{Op: "open", Err: err}
	}
	s.updates = &batch.Queue[*update]{Life: s.link.Ctx, Spawn: s.link.Spawn, Make: s.attempt}
	s.trouble.changed = &s.link.Changed
	s.reports = reporting.New(s.link)
	s.questions = questions.New(s.link, s.reports.IsDenied)
	s.link.Spawn(s.tellTrouble)
	s.cache = sync.OnceValue(s.startCache)
	s.hosts = sync.OnceValue(func() *hosts.Board { return hosts.Follow(s.link, s.cache(), s.restores()) })
	s.restores = sync.OnceValue(func() *history.Restores { return history.FollowRestores(s.link) })
	s.members = s.startMembers()
	s.close = sync.OnceValue(s.link.Close)
	return s, nil
}

// Close ends all that the store does, Follow included, and waits for what it
// started itself. Closing again does nothing.
func (s *Store) Close() error { return s.close() }

// Read calls f with the cached policy, which nothing changes any more: f may keep
// it, and takes as long as it likes. The next Read may see another one.
//
// The cache is also read while etcd is lost: it is then the last state that
// was seen, and Stale says so. Before the first load it is ErrUnavailable.
func (s *Store) Read(ctx context.Context, f func(*secgroup.Snapshot) error) error {
	c := s.cache()
	if err := c.ready(ctx); err != nil {
		return s.link.Failed("read", err)
	}
	return f(c.state.Load().snap)
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
		case <-s.link.Ctx.Done():
			return &OpError{Op: "sync", Kind: ErrClosed}
		case <-ctx.Done():
			if cause == nil {
				cause = ctx.Err()
			}
			return s.link.Failed("sync", cause)
		case <-beat:
		}
	}
}

// Generation counts the histories of the store that this process has followed: a
// number that is another one than before says that etcd was restored from a
// backup meanwhile, or may have been, and that revisions of before mean nothing
// any more.
func (s *Store) Generation() int64 { return s.cache().epoch().number }

// Stale reports whether the store has lost contact with etcd, or not had it
// yet, and since when. It looks at what the process uses: the cache, the
// hosts, each Follow.
func (s *Store) Stale() (since time.Time, stale bool) {
	c := s.contact()
	return c.Since, c.Lost()
}

// contact is the condition that the feeds tell of.
func (s *Store) contact() (c Condition) {
	if l := s.link.Contact(); l.Lost {
		c = Condition{Kind: ErrUnavailable, Since: l.Since, Heard: l.Heard, Cause: l.Cause}
	}
	return c
}
