package store

import (
	"context"
	"sync"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// cache is the policy as this process has seen it: the Handler of a Follow
// that lasts as long as the store.
type cache struct {
	done   <-chan struct{} // the store is closed
	health *link.Health
	pulse  link.Pulse  // beats after each batch
	lost   func(marks) // is told when a history ends, of which it gets the marks

	observers observers

	mu     sync.RWMutex
	snap   *secgroup.Snapshot
	loaded bool
	rests  map[secgroup.Key]*record.Rest // what records say that this version does not know
	closed map[secgroup.Key]Unreadable
	all    []Unreadable // closed, and records that name nothing known

	// Who reads the snapshot may ask for these as well, so they have a lock of
	// their own; it is taken after mu.
	past    sync.Mutex
	marks   marks   // of the snapshot's history
	history history // the snapshot's
}

// history is one history of the store: it ends when the store turns out to
// have another one.
type history struct {
	number int64         // counts them, from 1
	ended  chan struct{} // closed when it ends
	lost   marks         // of the one before
}

func (s *Store) startCache() *cache {
	c := &cache{
		done: s.link.Ctx.Done(), health: link.NewHealth(), snap: secgroup.NewSnapshot(), rests: map[secgroup.Key]*record.Rest{},
		history: history{number: 1, ended: make(chan struct{})},
		lost:    func(gone marks) { s.link.Spawn(func() { s.noteLoss(gone) }) },
	}
	s.link.Spawn(func() {
		// Ends with the store only: Handle never fails.
		_ = s.follow(s.link.Ctx, c, c.health)
	})
	return c
}

// Handle implements Handler.
func (c *cache) Handle(_ context.Context, b Batch) error {
	applied := c.observers.call(c.snap, b) // changed by nobody but this goroutine
	c.mu.Lock()
	for _, f := range applied {
		f()
	}
	if b.Full {
		c.snap = secgroup.NewSnapshot()
	}
	c.snap, _ = c.snap.With(b.Revision, b.Changes)
	c.keep(b)
	c.past.Lock()
	if b.Broken && c.loaded {
		close(c.history.ended)
		c.history = history{number: c.history.number + 1, ended: make(chan struct{}), lost: c.marks}
		c.lost(c.marks)
	}
	c.loaded = true
	if b.listed {
		c.marks.restart()
		if b.head.rev > 0 && b.head.rev < b.Revision {
			c.marks.add(b.head)
		}
	}
	c.marks.add(markedRevision{b.Revision, b.Mark})
	c.past.Unlock()
	c.mu.Unlock()
	c.pulse.Beat()
	return nil
}

// keep holds what a batch says besides its objects.
func (c *cache) keep(b Batch) {
	if b.Full {
		clear(c.rests)
	}
	for i := range b.Changes {
		if k := b.Changes[i].Key; b.rests[k] != nil {
			c.rests[k] = b.rests[k]
		} else if len(c.rests) > 0 {
			delete(c.rests, k)
		}
	}
	if len(c.all) == 0 && len(b.Unreadable) == 0 {
		return
	}
	c.all, c.closed = b.Unreadable, make(map[secgroup.Key]Unreadable, len(b.Unreadable))
	for _, u := range b.Unreadable {
		c.closed[u.Object] = u
	}
}

// State implements Handler. Only Handle, of the same goroutine, changes it.
func (c *cache) State() *secgroup.Snapshot { return c.snap }

func (c *cache) read(f func(*secgroup.Snapshot) error) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return f(c.snap)
}

func (c *cache) revision() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.snap.Revision()
}

func (c *cache) isLoaded() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.loaded
}

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
func (c *cache) reach(ctx context.Context, w markedRevision) error {
	for {
		beat := c.pulse.Next()
		if k := c.has(w); k == isThere || k == tooOld {
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

// has says whether the cached policy includes a write.
func (c *cache) has(w markedRevision) knowledge {
	c.past.Lock()
	defer c.past.Unlock()
	return c.marks.has(w)
}

// at says how far the cache is, and in which history.
func (c *cache) at() boardView {
	c.past.Lock()
	defer c.past.Unlock()
	return boardView{number: c.history.number, rev: c.marks.last().rev}
}

// head is the latest mutation that the cache includes.
func (c *cache) head() markedRevision {
	c.past.Lock()
	defer c.past.Unlock()
	return c.marks.head()
}

// now is the history that the cache is of.
func (c *cache) now() history {
	c.past.Lock()
	defer c.past.Unlock()
	return c.history
}
