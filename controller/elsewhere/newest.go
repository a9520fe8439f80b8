package elsewhere

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// Plugs is where hosts write which NICs are plugged at them: etcd, or a relay before it.
type Plugs interface {
	FollowPlugs(ctx context.Context, h store.PlugHandler) error
	PutPlugs(ctx context.Context, host string, plugs []store.Plug, gone []string) ([]store.Plug, error)
}

const (
	plugRetry   = 200 * time.Millisecond // between attempts to tell of plugs
	mayAskLater = time.Minute            // between attempts to do what this host's user may not
)

// Newest finds out which NICs of this host were plugged at another host later than here,
// and have been ready there: the other host serves those. Each host has a key in the store
// for each NIC that is plugged at it; the revision at which that was written is the plug's
// order, on which all hosts agree.
//
//	engine ─── Plugged ──► plugbook ─ unwritten ─► the store
//	reporter ─ Reported ─► plugbook ◄─ All, Changed ──┘
//	engine ◄─── Known ──── plugbook
type Newest struct {
	store          Plugs // nil: nobody can tell
	host           string
	log            *slog.Logger
	notify         func()                                                                // called when what Known returns differs
	writeIDs       func(ctx context.Context, key string, values map[string]string) error // in external_ids, by interface
	nameTakenRetry time.Duration
	wake           chan struct{}

	mu         sync.Mutex
	book       plugbook
	unreadable bool // this host may not read other hosts' plugs
}

// Config is what finding out needs. All but Store is.
type Config struct {
	Store          Plugs // nil: nobody can tell
	Host           string
	Log            *slog.Logger
	Notify         func()                                                                // called when what Known returns differs
	WriteIDs       func(ctx context.Context, key string, values map[string]string) error // writes external_ids, by interface
	NameTakenRetry time.Duration                                                         // between attempts while another machine has the host's name
}

// NewNewest returns a Newest that knows nothing until Run is called.
func NewNewest(cfg Config) *Newest {
	return &Newest{
		store: cfg.Store, host: cfg.Host, log: cfg.Log, notify: cfg.Notify, writeIDs: cfg.WriteIDs, nameTakenRetry: cfg.NameTakenRetry,
		wake: make(chan struct{}, 1), book: newPlugbook(cfg.Host),
	}
}

// Known returns the NICs of this host that another host serves, each with that host;
// nobody changes the map any more. The loop calls it before it compiles flows. While loaded
// is false the plugs of other hosts have not been read yet, and newer means nothing.
func (n *Newest) Known() (newer map[string]string, loaded bool) {
	if n.store == nil {
		return nil, true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.book.newer, n.book.loaded || n.unreadable
}

// Plugged is called by the loop with the interfaces of NICs that were plugged here or
// differ, and with the NICs that are not plugged any more; all: no others are. The loop does
// so before it asks what is Known: what another host serves is not served here for a moment.
func (n *Newest) Plugged(here map[string]ovsdb.Interface, gone []string, all bool) {
	if n.store == nil {
		return
	}
	n.change(func() { n.book.setPlugged(here, gone, all, time.Now()) })
}

// Reported is called by the reporter with the NICs of each report that it has written:
// another host leaves a NIC to this one when it is ready here.
func (n *Newest) Reported(nics []store.HostNIC) {
	if n.store == nil {
		return
	}
	n.change(func() {
		for _, r := range nics {
			n.book.setReady(r.ID, r.Ready, !r.Ready && r.Error != "")
		}
	})
}

// All implements store.PlugHandler.
func (n *Newest) All(plugs []store.Plug) {
	n.change(func() {
		first := !n.book.loaded
		n.book.replace(plugs, time.Now())
		if first {
			n.notify()
		}
	})
}

// Changed implements store.PlugHandler.
func (n *Newest) Changed(set, gone []store.Plug) { n.change(func() { n.book.update(set, gone) }) }

// change calls fn, which may change the book, with the lock. Then it notifies if Known
// differs, and wakes write if the store may have to be told.
func (n *Newest) change(fn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.book.newer
	fn()
	if !maps.Equal(before, n.book.newer) {
		n.notify()
	}
	if n.book.writable() && len(n.book.dirty) > 0 {
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

// Run follows the plugs of other hosts and writes those of this one, until ctx ends.
func (n *Newest) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.follow(ctx) })
	g.Go(func() error { return n.write(ctx) })
	return g.Wait()
}

// follow keeps the plugs of other hosts in the book. If this host may not read them, every
// NIC counts as plugged here alone.
func (n *Newest) follow(ctx context.Context) error {
	for {
		err := n.store.FollowPlugs(ctx, n)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		again := plugRetry
		if errors.Is(err, store.ErrMayNotAsk) {
			again = mayAskLater
			n.log.Warn("NICs that are plugged at several hosts are served at each of them", "error", err)
			n.change(func() { n.unreadable = true })
			n.notify()
		}
		if err := pause.For(ctx, again); err != nil {
			return err
		}
	}
}

// write writes to the store, and to the interfaces' rows, what of the book they do not
// have, until ctx ends. After a failure it waits, and is not woken before.
func (n *Newest) write(ctx context.Context) error {
	for {
		again, err := n.writeOnce(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			n.log.Debug("not told which NICs are plugged here; trying again", "in", again, "error", err)
		}
		var timer <-chan time.Time
		if again > 0 {
			timer = time.After(again)
		}
		wake := n.wake
		if err != nil {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-timer:
		}
	}
}

// writeOnce makes one attempt. again is after how long there is something to do even if
// nothing changes, 0 for never.
func (n *Newest) writeOnce(ctx context.Context) (again time.Duration, err error) {
	var plugs []store.Plug
	var gone []string
	n.change(func() {
		now := time.Now()
		if at := n.book.expire(now); !at.IsZero() {
			again = at.Sub(now)
		}
		plugs, gone = n.book.unwritten()
	})
	if len(plugs) > 0 || len(gone) > 0 {
		written, err := n.store.PutPlugs(ctx, n.host, plugs, gone)
		if err != nil {
			gone = nil // the store says which
		}
		n.change(func() { n.book.written(written, gone) })
		switch {
		case errors.Is(err, store.ErrMayNotAsk):
			return mayAskLater, err
		case errors.Is(err, store.ErrSeatTaken):
			return n.nameTakenRetry, err
		case err != nil:
			return plugRetry, err
		}
	}
	var rows map[string]string
	n.change(func() { rows = n.book.unwrittenRows() })
	if len(rows) == 0 {
		return again, nil
	}
	if err := n.writeIDs(ctx, PlugKey, rows); err != nil {
		return plugRetry, err
	}
	n.change(func() { n.book.rowsWritten(rows) })
	return again, nil
}
