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

// Plugs tells other hosts which NICs are plugged here, and which are plugged there.
type Plugs interface {
	FollowPlugs(ctx context.Context, h store.PlugHandler) error
	PutPlugs(ctx context.Context, host string, plugs []store.Plug, gone []string) ([]store.Plug, error)
}

const (
	plugRetry   = 200 * time.Millisecond // between attempts to tell of plugs
	mayAskLater = time.Minute            // between attempts to do what this host's user may not
)

// Newest finds out which NICs of this host are plugged at another one since later,
// and have been ready there: those are served there. Every host has a key in the
// store for each of its NICs, by whose revision hosts agree on what is later.
//
//	reporter ─ Reported ─► plugbook ─ due ──────► the store
//	engine ◄─── Known ──── plugbook ◄─ All, Changed ──┘
type Newest struct {
	store          Plugs // nil: nobody can tell
	host           string
	log            *slog.Logger
	notify         func() // known differs
	claims         func(func(Claims))
	writeIDs       func(ctx context.Context, key string, values map[string]string) error // in external_ids, by interface
	nameTakenRetry time.Duration
	wake           chan struct{}

	mu      sync.Mutex
	book    plugbook
	notTold bool // others' plugs cannot be known
}

// Claims returns the interface that claims a NIC, if one does.
type Claims func(nic string) (ovsdb.Interface, bool)

// Config is what finding out needs. All but Store is.
type Config struct {
	Store          Plugs // nil: nobody can tell
	Host           string
	Log            *slog.Logger
	Notify         func()                                                                // called when what Known returns differs
	Claims         func(func(Claims))                                                    // lends the claims of this host
	WriteIDs       func(ctx context.Context, key string, values map[string]string) error // writes external_ids, by interface
	NameTakenRetry time.Duration                                                         // between attempts while another machine has the host's name
}

// NewNewest returns who finds out.
func NewNewest(cfg Config) *Newest {
	return &Newest{
		store: cfg.Store, host: cfg.Host, log: cfg.Log, notify: cfg.Notify, claims: cfg.Claims, writeIDs: cfg.WriteIDs, nameTakenRetry: cfg.NameTakenRetry,
		wake: make(chan struct{}, 1), book: newPlugbook(cfg.Host),
	}
}

// Known returns the NICs of this host that are plugged elsewhere since later, by
// that host; it does not change any more. It is not loaded as long as that may
// only not be known yet.
func (n *Newest) Known() (newer map[string]string, loaded bool) {
	if n.store == nil {
		return nil, true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.book.newer, n.book.loaded || n.notTold
}

// Reported takes the NICs as they were reported just now.
func (n *Newest) Reported(nics []store.HostNIC) {
	if n.store == nil {
		return
	}
	seen := make([]reportedPlug, 0, len(nics))
	n.claims(func(claim Claims) {
		for _, r := range nics {
			if iface, ok := claim(r.ID); ok {
				seen = append(seen, reportedPlug{nic: r.ID, iface: iface, ready: r.Ready, failed: !r.Ready && r.Error != ""})
			}
		}
	})
	n.change(func() { n.book.setHere(seen, time.Now()) })
}

// All takes what the store has, see store.PlugHandler.
func (n *Newest) All(plugs []store.Plug) {
	n.change(func() {
		first := !n.book.loaded
		n.book.all(plugs, time.Now())
		if first {
			n.notify()
		}
	})
}

// Changed takes what the store has otherwise.
func (n *Newest) Changed(set, gone []store.Plug) { n.change(func() { n.book.changed(set, gone) }) }

// change changes the book, and has done what follows.
func (n *Newest) change(fn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.book.newer
	fn()
	if !maps.Equal(before, n.book.newer) {
		n.notify()
	}
	if len(n.book.dirty) > 0 {
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

// Run follows and tells until ctx ends.
func (n *Newest) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.follow(ctx) })
	g.Go(func() error { return n.write(ctx) })
	return g.Wait()
}

// follow brings what other hosts tell. Where that may not be read every NIC
// counts as plugged here alone.
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
			n.change(func() { n.notTold = true })
			n.notify()
		}
		if err := pause.For(ctx, again); err != nil {
			return err
		}
	}
}

// write tells the store and the interfaces' rows what they do not have.
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

// writeOnce returns when there is something to do of its own accord, 0 for never.
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
