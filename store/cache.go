package store

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// cache is the policy as this process has seen it: the Handler of a Follow
// that lasts as long as the store.
type cache struct {
	done   <-chan struct{} // the store is closed
	health *link.Health
	pulse  link.Pulse         // beats after each batch
	ended  func(history.Seen) // is told when a history ends, and which writes of it were seen
	sink   *policySink        // calls Handle

	observers observers
	state     atomic.Pointer[state]

	seenMu sync.Mutex   // held while state changes with seen
	seen   history.Seen // of the state's history
}

// state is the policy after a batch, with what goes with it. Nothing changes it.
type state struct {
	loaded        bool
	snap          *secgroup.Snapshot
	epoch         epoch                         // of which snap is
	head          Write                         // the latest mutation that snap includes
	rests         map[secgroup.Key]*record.Rest // what records say that this version does not know, kept when they are written again
	unreadable    map[secgroup.Key]Unreadable   // objects whose records cannot be read
	allUnreadable []Unreadable                  // these records, and those that name nothing known; sorted by key
}

// epoch is the time in which this process follows one history of the store. It ends when
// the store turns out to have another one.
type epoch struct {
	number int64         // counts them, from 1
	ended  chan struct{} // closed when it ends
	lost   history.Seen  // writes of the one before
}

func (s *Store) startCache() *cache {
	c := &cache{
		done: s.link.Ctx.Done(), health: link.NewHealth(),
		ended: func(seen history.Seen) { s.link.Spawn(func() { history.Notice(s.link, seen) }) },
	}
	c.state.Store(&state{snap: secgroup.NewSnapshot(), epoch: epoch{number: 1, ended: make(chan struct{})}})
	c.sink = s.newPolicySink(c)
	s.link.Spawn(func() {
		// Ends with the store only: Handle never fails.
		_ = s.follow(s.link.Ctx, c.sink, c.health)
	})
	return c
}

// Handle implements Handler.
func (c *cache) Handle(_ context.Context, b Batch) error {
	was := c.state.Load() // stored by nobody else: the sink calls this once at a time
	now := *was
	if b.Full != nil {
		now.rests = nil
	}
	now.snap, _ = b.After(was.snap)
	applied := c.observers.call(was.snap, now.snap, b)
	now.addRecords(b)
	now.loaded = true
	for _, f := range applied {
		f()
	}
	c.seenMu.Lock()
	defer c.seenMu.Unlock()
	broken := b.Broken && was.loaded
	if broken {
		now.epoch = epoch{number: was.epoch.number + 1, ended: make(chan struct{}), lost: c.seen}
		c.ended(c.seen)
	}
	if b.listed {
		c.seen.Clear()
		if b.head.Revision > 0 && b.head.Revision < b.Revision {
			c.seen.Add(b.head)
		}
	}
	c.seen.Add(Write{Revision: b.Revision, Mark: b.Mark})
	now.head = c.seen.Latest()
	c.state.Store(&now)
	if broken { // who is woken sees the history that begins
		close(was.epoch.ended)
	}
	c.pulse.Beat()
	return nil
}

// addRecords keeps what a batch says of its records besides the objects.
func (s *state) addRecords(b Batch) {
	if len(s.rests)+len(b.rests) > 0 {
		s.rests = maps.Clone(s.rests)
		for i := range b.Changes {
			delete(s.rests, b.Changes[i].Key)
		}
		if s.rests == nil {
			s.rests = map[secgroup.Key]*record.Rest{}
		}
		maps.Copy(s.rests, b.rests)
	}
	if len(s.allUnreadable) == 0 && len(b.Unreadable) == 0 {
		return
	}
	s.allUnreadable, s.unreadable = b.Unreadable, make(map[secgroup.Key]Unreadable, len(b.Unreadable))
	for _, u := range b.Unreadable {
		s.unreadable[u.Object] = u
	}
}

// State implements Handler.
func (c *cache) State() *secgroup.Snapshot { return c.state.Load().snap }

func (c *cache) revision() int64 { return c.state.Load().snap.Revision() }

func (c *cache) isLoaded() bool { return c.state.Load().loaded }

// ready waits for the first load, but not longer than the first attempt at it.
func (c *cache) ready(ctx context.Context) error {
	if c.isLoaded() {
		return nil
	}
	return c.health.AwaitLoad(ctx, c.done, &c.pulse, c.isLoaded)
}

// lossGrace is how long a write waits for a feed that has just been
// interrupted: often it is back at once.
const lossGrace = 500 * time.Millisecond

// current waits until the cache is in contact with etcd, or has been without
// contact for lossGrace.
func (c *cache) current(ctx context.Context) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	for {
		beat := c.health.Pulse.Next()
		live, since, cause, tried := c.health.State()
		if live || !tried {
			return nil
		}
		left := time.Until(since.Add(lossGrace))
		if left <= 0 {
			return cause
		}
		select {
		case <-c.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		case <-beat:
		case <-time.After(left):
		}
	}
}

// reach waits until the cache has seen a write.
func (c *cache) reach(ctx context.Context, w Write) error {
	return c.await(ctx, func() bool { return c.sees(w) })
}

// sees tells whether the cache has come to a write.
func (c *cache) sees(w Write) bool {
	k := c.Has(w)
	return k == history.Included || k == history.TooOld
}

// await waits until done says so, which is asked now and after each batch.
func (c *cache) await(ctx context.Context, done func() bool) error {
	for {
		beat := c.pulse.Next()
		if done() {
			return nil
		}
		select {
		case <-c.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		case <-beat:
		}
	}
}

// Has implements hosts.Policy.
func (c *cache) Has(w Write) history.Knowledge {
	c.seenMu.Lock()
	defer c.seenMu.Unlock()
	return c.seen.Has(w)
}

// At implements hosts.Policy.
func (c *cache) At() (number, revision int64) {
	s := c.state.Load()
	return s.epoch.number, s.snap.Revision()
}

// epoch is the epoch that the cache is of.
func (c *cache) epoch() epoch { return c.state.Load().epoch }

// includes tells whether what was read from the cache at a revision holds a
// write, of the history that the cache follows now.
func (c *cache) includes(rev int64, w Write) bool {
	return w.Revision == 0 || rev >= w.Revision && c.sees(w)
}
