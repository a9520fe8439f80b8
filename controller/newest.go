package controller

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/controller/internal/pause"
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

// newest finds out which NICs of this host are plugged at another one since later,
// and have been ready there: those are served there. Every host has a key in the
// store for each of its NICs, by whose revision hosts agree on what is later.
//
//	reporter ─ reported ─► plugbook ─ due ──────► the store
//	engine ◄─── known ──── plugbook ◄─ All, Changed ──┘
type newest struct {
	store  Plugs // nil: nobody can tell
	host   string
	log    *slog.Logger
	notify func() // known differs
	claims func(func(*claims))
	keep   func(ctx context.Context, key string, values map[string]string) error // in external_ids, by interface
	wake   chan struct{}

	mu      sync.Mutex
	book    plugbook
	unknown bool // others' plugs cannot be known
}

func newNewest(cfg Config, log *slog.Logger, p *plugs, notify func()) *newest {
	return &newest{store: cfg.Plugs, host: cfg.Host, log: log, notify: notify, claims: p.ask, keep: p.keepValues, wake: make(chan struct{}, 1), book: newPlugbook(cfg.Host)}
}

// known returns the NICs of this host that are plugged elsewhere since later, by
// that host; it does not change any more. It is not loaded as long as that may
// only not be known yet.
func (n *newest) known() (newer map[string]string, loaded bool) {
	if n.store == nil {
		return nil, true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.book.newer, n.book.loaded || n.unknown
}

// reported takes the NICs as they were reported just now.
func (n *newest) reported(nics []store.HostNIC) {
	if n.store == nil {
		return
	}
	seen := make([]plugSeen, 0, len(nics))
	n.claims(func(c *claims) {
		for _, r := range nics {
			if one, ok := c.get(r.ID); ok {
				seen = append(seen, plugSeen{nic: r.ID, iface: one.iface, ready: r.Ready, failed: !r.Ready && r.Error != ""})
			}
		}
	})
	n.change(func() { n.book.seen(seen, time.Now()) })
}

// All and Changed take what the store says.
func (n *newest) All(plugs []store.Plug) {
	n.change(func() {
		first := !n.book.loaded
		n.book.all(plugs, time.Now())
		if first {
			n.notify()
		}
	})
}

func (n *newest) Changed(set, gone []store.Plug) { n.change(func() { n.book.changed(set, gone) }) }

// change changes the book, and has done what follows.
func (n *newest) change(fn func()) {
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

func (n *newest) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.follow(ctx) })
	g.Go(func() error { return n.tell(ctx) })
	return g.Wait()
}

// follow brings what other hosts tell. Where that may not be read every NIC
// counts as plugged here alone.
func (n *newest) follow(ctx context.Context) error {
	for {
		err := n.store.FollowPlugs(ctx, n)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		again := plugRetry
		if errors.Is(err, store.ErrMayNotAsk) {
			again = mayAskLater
			n.log.Warn("NICs that are plugged at several hosts are served at each of them", "error", err)
			n.change(func() { n.unknown = true })
			n.notify()
		}
		if err := pause.For(ctx, again); err != nil {
			return err
		}
	}
}

// tell tells the store and the interfaces' rows what they do not have.
func (n *newest) tell(ctx context.Context) error {
	for {
		again, err := n.tellOnce(ctx)
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

// tellOnce returns when there is something to do of its own accord, 0 for never.
func (n *newest) tellOnce(ctx context.Context) (again time.Duration, err error) {
	var plugs []store.Plug
	var gone []string
	n.change(func() {
		now := time.Now()
		if at := n.book.expire(now); !at.IsZero() {
			again = at.Sub(now)
		}
		plugs, gone = n.book.due()
	})
	if len(plugs) > 0 || len(gone) > 0 {
		written, err := n.store.PutPlugs(ctx, n.host, plugs, gone)
		if err != nil {
			gone = nil // the store says which
		}
		n.change(func() { n.book.wrote(written, gone) })
		switch {
		case errors.Is(err, store.ErrMayNotAsk):
			return mayAskLater, err
		case errors.Is(err, store.ErrSeatTaken):
			return reportTaken, err
		case err != nil:
			return plugRetry, err
		}
	}
	var rows map[string]string
	n.change(func() { rows = n.book.rows() })
	if len(rows) == 0 {
		return again, nil
	}
	if err := n.keep(ctx, plugKey, rows); err != nil {
		return plugRetry, err
	}
	n.change(func() { n.book.kept(rows) })
	return again, nil
}
