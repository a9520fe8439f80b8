package controller

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// History knows whether the store was put back to an earlier state.
type History interface {
	// Lost reports whether the store has lost the latest of these writes.
	Lost(ctx context.Context, seen []store.Write) (bool, error)
}

const (
	// seenKey is the Bridge external_ids key with the latest writes that this host has
	// applied, "<revision>/<mark> …", for when the store is put back while nobody follows it.
	seenKey = "ringfence-seen"
	// lostKey is the key with the writes that the store lost last, until announceLostFor
	// has passed.
	lostKey = "ringfence-lost"

	maxSeen         = 20               // of which each is twice as far back as the next but one
	seenWriteEvery  = 2 * time.Second  // between two changes of the database
	announceLostFor = 10 * time.Minute // for as long a loss is told of
	historyRetry    = time.Second
)

// witness keeps in the OVSDB which writes of the store this host has applied last. At the
// start, and whenever the policy begins anew, it asks whether the store still has them, and
// has the host's reports name those that are lost.
type witness struct {
	history  History // nil: nobody can tell
	log      *slog.Logger
	bridge   func() (b ovsdb.Bridge, ready bool, problem error)
	writeIDs func(ctx context.Context, ids map[string]string) error // in the bridge's external_ids
	announce func(lost []store.Write)
	wake     chan struct{}

	mu        sync.Mutex
	latest    store.Write
	unchecked bool // the policy began anew since the store was asked last
}

func newWitness(cfg Config, log *slog.Logger, p *plugs, r *reporter) *witness {
	return &witness{history: cfg.History, log: log, bridge: p.get, writeIDs: p.writeBridgeIDs, announce: r.lost, wake: make(chan struct{}, 1), unchecked: true}
}

// applied notes a write that the host has reported as applied.
func (w *witness) applied(revision int64, mark string) {
	w.change(func() {
		if mark != "" {
			w.latest = store.Write{Revision: revision, Mark: mark}
		}
	})
}

// policyBegan is called when the policy begins anew: perhaps the store has another history.
func (w *witness) policyBegan() { w.change(func() { w.unchecked = true }) }

func (w *witness) change(fn func()) {
	w.mu.Lock()
	fn()
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *witness) run(ctx context.Context) error {
	var b ovsdb.Bridge
	for {
		var ready bool
		if b, ready, _ = w.bridge(); ready {
			break
		}
		if err := pause.For(ctx, minSetupWait); err != nil {
			return err
		}
	}
	seen, lost := parseWrites(b.ExternalIDs[seenKey]), parseWrites(b.ExternalIDs[lostKey])
	w.announce(lost)
	var until time.Time // of what is told
	if len(lost) > 0 {
		until = time.Now().Add(announceLostFor)
	}
	row := b.UUID
	for {
		w.mu.Lock()
		doubt, latest := w.unchecked, w.latest
		w.unchecked = false
		w.mu.Unlock()
		changed := map[string]string{}
		if doubt {
			gone, err := w.history.Lost(ctx, seen)
			if err != nil {
				w.policyBegan()
				if err := pause.For(ctx, historyRetry); err != nil {
					return err
				}
				continue
			}
			if gone {
				last := seen[len(seen)-1]
				w.log.Warn("the store does not have what this host has applied: it was restored from a backup, or is another store", "revision", last.Revision)
				lost, seen, until = seen, nil, time.Now().Add(announceLostFor)
				changed[lostKey] = writesText(lost)
				w.announce(lost)
			}
		}
		if len(lost) > 0 && !time.Now().Before(until) {
			lost = nil
			changed[lostKey] = ""
			w.announce(nil)
		}
		if b, ready, _ := w.bridge(); ready && (latest.Mark != "" && (len(seen) == 0 || seen[len(seen)-1] != latest) || b.UUID != row) {
			row = b.UUID
			seen = remember(seen, latest)
			changed[seenKey] = writesText(seen)
			if len(lost) > 0 {
				changed[lostKey] = writesText(lost)
			}
		}
		wake, again := w.wake, until
		if len(changed) > 0 {
			if err := w.writeIDs(ctx, changed); err != nil {
				w.log.Debug("what was applied is not kept at the bridge; trying again", "error", err)
				row = ""
			}
			wake, again = nil, time.Now().Add(seenWriteEvery)
		}
		var timer <-chan time.Time
		if wake == nil || len(lost) > 0 {
			timer = time.After(time.Until(again))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-timer:
		}
	}
}

// remember adds a write to those that were seen, and drops some of the earlier ones: every
// second one that stays is at least twice as far back.
func remember(seen []store.Write, w store.Write) []store.Write {
	if w.Mark == "" {
		return seen
	}
	for len(seen) > 0 && seen[len(seen)-1].Revision >= w.Revision { // of another history
		seen = seen[:len(seen)-1]
	}
	kept := []store.Write{w}
	for i := len(seen) - 1; i >= 0 && len(kept) < maxSeen; i-- {
		if len(kept) < 3 || w.Revision-seen[i].Revision >= 2*(w.Revision-kept[len(kept)-2].Revision) {
			kept = append(kept, seen[i])
		} else {
			kept[len(kept)-1] = seen[i]
		}
	}
	slices.Reverse(kept)
	return kept
}

func writesText(all []store.Write) string {
	texts := make([]string, len(all))
	for i, w := range all {
		texts[i] = fmt.Sprintf("%d/%s", w.Revision, w.Mark)
	}
	return strings.Join(texts, " ")
}

// parseWrites reads what writesText wrote, and passes over what it did not.
func parseWrites(text string) (all []store.Write) {
	for one := range strings.FieldsSeq(text) {
		number, mark, _ := strings.Cut(one, "/")
		if rev, err := strconv.ParseInt(number, 10, 64); err == nil && rev > 0 && mark != "" {
			all = append(all, store.Write{Revision: rev, Mark: mark})
		}
	}
	return all
}
