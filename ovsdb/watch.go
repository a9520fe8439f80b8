package ovsdb

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// The wait before another attempt to connect doubles between these.
const (
	minBackoff = 20 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// WatchBridge calls fn with what there is of a bridge, and then with what is
// different whenever it differs from what fn saw last. Changes that come while fn
// runs are delivered as one. When the connection is lost, fn gets the bridge
// marked Stale; a new connection begins with a snapshot, of which fn hears what
// differs. Each change leads to a state that the database had between two
// transactions. fn is never called concurrently.
//
// It returns when ctx ends, with its error, or at once for an address that
// makes no sense.
func WatchBridge(ctx context.Context, addr, bridge string, fn func(Change)) error {
	if _, _, err := splitAddr(addr); err != nil {
		return opError(err, "watch bridge %s", bridge)
	}
	newWatch(addr, bridge, fn).run(ctx)
	return ctx.Err()
}

// watch is one WatchBridge.
type watch struct {
	addr, bridge string
	fn           func(Change)
	probe        time.Duration

	called bool
	last   Bridge             // that fn saw
	seen   map[UUID]Interface // that fn saw and that did not go
}

func newWatch(addr, bridge string, fn func(Change)) *watch {
	return &watch{addr: addr, bridge: bridge, fn: fn, probe: probeInterval, seen: map[UUID]Interface{}}
}

func (w *watch) run(ctx context.Context) {
	backoff := minBackoff
	for {
		connected, err := w.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if w.last.Stale == "" {
			stale := w.last
			stale.Stale = err.Error()
			w.deliver(Change{Bridge: stale})
		}
		if connected {
			backoff = minBackoff
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// follow delivers changes over one connection, until that or ctx ends.
// connected tells whether it got as far as a snapshot.
func (w *watch) follow(ctx context.Context) (connected bool, err error) {
	m, err := startMonitor(ctx, w.addr, w.bridge, w.probe)
	if err != nil {
		return false, err
	}
	defer m.session.end(context.Canceled)
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-m.session.ctx.Done():
			return true, m.session.ended()
		case <-m.changed:
		}
		bridge, now, without := m.takeChanged()
		if first { // what went while nobody watched
			for uuid := range w.seen {
				if _, ok := now[uuid]; !ok {
					without = append(without, uuid)
				}
			}
		}
		w.deliver(w.compare(bridge, now, without))
	}
}

// compare makes a change of what may differ.
func (w *watch) compare(bridge Bridge, now map[UUID]Interface, without []UUID) Change {
	c := Change{Bridge: bridge}
	for uuid, i := range now {
		if was, ok := w.seen[uuid]; !ok || !was.equal(i) {
			c.Set = append(c.Set, i)
			w.seen[uuid] = i
		}
	}
	for _, uuid := range without {
		if was, ok := w.seen[uuid]; ok {
			c.Gone = append(c.Gone, was)
			delete(w.seen, uuid)
		}
	}
	byName := func(i, j Interface) int { return cmp.Or(cmp.Compare(i.Name, j.Name), cmp.Compare(i.UUID, j.UUID)) }
	slices.SortFunc(c.Set, byName)
	slices.SortFunc(c.Gone, byName)
	return c
}

// deliver calls fn if there is news.
func (w *watch) deliver(c Change) {
	if w.called && len(c.Set) == 0 && len(c.Gone) == 0 && c.Bridge.equal(w.last) {
		return
	}
	w.called, w.last = true, c.Bridge
	w.fn(c)
}
