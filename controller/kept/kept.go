// Package kept keeps the host's share of the policy in a file, so that a host that
// starts while nobody can tell it what the policy is enforces what it knew last.
//
//	Source ── Update ──► Keeper ── Update ──► share.Held
//	                       │ ▲
//	             at most ──┘ └── if nobody says anything
//	        once a second   file
//
// What is wrong with a file is said, and nothing of it is used: the flows stay as they
// are then. That it is never older than what the switch has is seen to by a mark
// beside it, which is put there before a change is handed on that the file lacks.
package kept

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/span"
)

// How long what the host knows best is waited for before the file is used, and how
// rarely the file is written: besides it takes no more than a saveShare of the time.
const (
	patience  = 2 * time.Second
	saveEvery = time.Second
	saveShare = 50
)

// Config says where a share is kept, and of whom it is.
type Config struct {
	File   string
	Host   string
	From   []string // addresses that the share comes from; a file that came from none of them is not used
	Logger *slog.Logger
	// Problem is told what is wrong with the file, nil: nothing.
	Problem func(error)
	// Patience is how long to wait for the source before the file is used, 0 for the
	// default.
	Patience time.Duration
}

// Keeper is a share.Source that keeps the share of another one.
type Keeper struct {
	cfg   Config
	log   *slog.Logger
	from  share.Source
	first chan struct{} // is closed when it is known what is plugged
	dirty chan struct{}

	// turn is held while an update is handed on, and for what is below.
	turn    sync.Mutex
	to      share.Handler
	plugged map[string]bool // nil: nobody has said it yet
	live    bool            // the source has spoken
	using   *span.Delta     // the file's share, while it is in use
	share   *span.Share     // what the source has said; until it does, what is in the file
	found   bool            // there was a file
	at      share.Update    // the last one, without its delta
	served  share.Kept      // by others
	unsaved bool            // the file lacks something; the mark is there
	failing bool            // the file could not be written
}

// New returns a source that hands on what another one says.
func New(from share.Source, cfg Config) *Keeper {
	if cfg.Patience <= 0 {
		cfg.Patience = patience
	}
	return &Keeper{cfg: cfg, log: cfg.Logger, from: from, share: span.NewShare(), first: make(chan struct{}), dirty: make(chan struct{}, 1)}
}

// Follow is that of share.Source.
func (k *Keeper) Follow(ctx context.Context, h share.Handler) error {
	k.turn.Lock()
	k.to = h
	k.turn.Unlock()
	if err := os.MkdirAll(filepath.Dir(k.cfg.File), 0o700); err != nil {
		k.problem(err)
	}
	had, d, found, err := read(k.cfg.File, k.cfg.Host, k.cfg.From)
	if err != nil {
		k.problem(fmt.Errorf("the share that is kept in %s is not used: %w", k.cfg.File, err))
	}
	if found {
		k.turn.Lock()
		k.found, k.served = true, share.Kept{Newer: had.Newer, Elsewhere: had.Elsewhere}
		k.share.Apply(d)
		k.turn.Unlock()
	}
	if from, ok := k.from.(hadSetter); ok && had.Revision > 0 {
		from.Had(had.Revision, had.Mark, had.Epoch)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return k.from.Follow(ctx, k) })
	if found {
		g.Go(func() error { return k.fallBack(ctx, had, d) })
	}
	g.Go(func() error { return k.save(ctx) })
	return g.Wait()
}

// Plug is that of share.Source.
func (k *Keeper) Plug(nics map[string]bool, all bool) {
	k.turn.Lock()
	if k.plugged == nil {
		k.plugged = map[string]bool{}
		close(k.first)
	}
	changed := map[string]bool{}
	if all {
		for id := range k.plugged {
			if !nics[id] {
				changed[id] = false
				delete(k.plugged, id)
			}
		}
	}
	for id, is := range nics {
		if is != k.plugged[id] {
			changed[id] = is
		}
		if is {
			k.plugged[id] = true
		} else {
			delete(k.plugged, id)
		}
	}
	if k.using != nil && len(changed) > 0 {
		k.handKeptNICs(changed)
	}
	k.turn.Unlock()
	k.from.Plug(nics, all)
}

// handKeptNICs hands on what the file says of NICs that came or went. Of one that is not
// in it nothing is known, and nothing passes.
func (k *Keeper) handKeptNICs(changed map[string]bool) {
	d := span.Delta{NICs: map[string]*span.NIC{}}
	for id, is := range changed {
		if n := k.using.NICs[id]; !is || n != nil {
			d.NICs[id] = nil
			if is {
				d.NICs[id] = n
			}
		}
	}
	u := k.at
	u.Delta = d
	k.to.Handle(u)
}

// hadSetter is a source that wants to know what the switch may have of the policy, so
// that it brings nothing older.
type hadSetter interface {
	Had(revision int64, mark, epoch string)
}

// fallBack uses the file if the source says nothing for a while.
func (k *Keeper) fallBack(ctx context.Context, h header, d span.Delta) error {
	for _, what := range []<-chan struct{}{k.first, after(ctx, k.cfg.Patience)} {
		select {
		case <-ctx.Done():
			return nil
		case <-what:
		}
	}
	k.turn.Lock()
	defer k.turn.Unlock()
	if k.live {
		return nil
	}
	k.log.Warn("stale: nobody says what the policy is; the host enforces what it kept", "file", k.cfg.File, "revision", h.Revision, "kept_at", h.Saved)
	k.using = &d
	k.at = share.Update{Revision: h.Revision, Mark: h.Mark, Epoch: h.Epoch, Kept: &share.Kept{Saved: h.Saved, Newer: h.Newer, Elsewhere: h.Elsewhere}}
	u := k.at
	u.Delta = d
	u.Delta.NICs = map[string]*span.NIC{}
	for id, n := range d.NICs {
		if k.plugged[id] {
			u.Delta.NICs[id] = n
		}
	}
	k.to.Handle(u)
	return nil
}

// after is closed after a while, or when ctx ends.
func after(ctx context.Context, d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}()
	return c
}

// Holds is that of share.Holder: of a share that is in the file the source may bring what
// differs.
func (k *Keeper) Holds(fn func(*span.Share)) bool {
	k.turn.Lock()
	defer k.turn.Unlock()
	if !k.live && !k.found {
		return false
	}
	fn(k.share)
	return true
}

// Handle takes what the source says.
func (k *Keeper) Handle(u share.Update) {
	k.turn.Lock()
	defer k.turn.Unlock()
	if !k.live && k.using != nil {
		k.log.Info("it is known again what the policy is", "revision", u.Revision)
	}
	first := !k.live
	k.live, k.using = true, nil
	k.at = u
	k.at.Delta = span.Delta{}
	if !u.Delta.Empty() {
		k.markAhead()
		k.share.Apply(u.Delta)
	}
	if first && !u.Delta.Full { // it is what differs from the file, of which nothing, or not all, was handed on
		u.Delta = whole(k.share)
	}
	k.to.Handle(u)
}

// Served says which NICs others serve, as ofrules.Host has them, before the host's
// flows say so.
func (k *Keeper) Served(newer, elsewhere map[string]string) {
	k.turn.Lock()
	defer k.turn.Unlock()
	if !k.live || maps.Equal(newer, k.served.Newer) && maps.Equal(elsewhere, k.served.Elsewhere) {
		return
	}
	k.served.Newer, k.served.Elsewhere = newer, elsewhere
	k.markAhead()
}

func (k *Keeper) problem(err error) {
	k.log.Error("the share that the host keeps", "error", err)
	k.cfg.Problem(err)
}
