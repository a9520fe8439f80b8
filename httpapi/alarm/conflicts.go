package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// A NIC that is plugged where it may not be, or at several hosts, is an alarm of
// its account, and so is the end of that. Every API process looks; the note
// conflict/<nic> says what was told last, so that it is told once.
const (
	// ConflictLasts is how long a conflict, or its end, must last to be told:
	// hosts report one by one. It is also between two looks.
	ConflictLasts = time.Second
	// maxConflicts bounds the NICs of one alarm, and how many transitions are
	// told at a time.
	maxConflicts = 50
)

const (
	kindConflict     = "nic-conflict"
	kindConflictOver = "nic-conflict-over"
)

// Conflict is a NIC of an alarm.
type Conflict struct {
	NIC    string   `json:"nic"`
	Detail string   `json:"detail"`
	Hosts  []string `json:"hosts"` // where it is plugged
}

// Conflicts looks for NICs in conflict. What it does for a report is as much as
// the report says.
type Conflicts struct {
	book *Book
	cfg  Config

	mu      sync.Mutex
	touched map[string]struct{} // NICs that the policy changed
	all     bool                // it became another one

	seen      []store.HostStatus         // as looked at last
	plugs     map[string][]store.HostNIC // by host, of them
	at        map[string][]string        // hosts by NIC, sorted
	lastTold  map[string]conflictTold    // of NICs in conflict; what others told is found out when it differs
	differing map[string]difference      // NICs that are otherwise than told
}

type conflictTold struct{ account, text string }

// difference is what a NIC is like now, and since when.
type difference struct {
	now   conflictTold // text "" = no conflict
	shown Conflict
	since time.Time
}

// Config is what looking for conflicts needs, beside the alarms' book.
type Config struct {
	Keeper inquiry.Keeper
	Logger *slog.Logger
	NewID  func() string
}

// NewConflicts returns who looks for conflicts. Observe is for the store's changes.
func NewConflicts(b *Book, cfg Config) *Conflicts {
	return &Conflicts{
		book: b, cfg: cfg, touched: map[string]struct{}{}, plugs: map[string][]store.HostNIC{}, at: map[string][]string{},
		lastTold: map[string]conflictTold{}, differing: map[string]difference{},
	}
}

// Observe takes note of NICs that the policy changes.
func (w *Conflicts) Observe(_, _ *secgroup.Snapshot, b store.Batch) (applied func()) {
	var nics []string
	for _, c := range b.Changes {
		if c.Key.Kind == secgroup.KindNIC && !b.Broken {
			nics = append(nics, c.Key.ID)
		}
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all = w.all || b.Broken
		for _, nic := range nics {
			w.touched[nic] = struct{}{}
		}
	}
}

// Run looks whenever hosts report something else or the policy has changed, until
// ctx ends.
func (w *Conflicts) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.book.Store.WaitHosts(ctx, func(hosts []store.HostStatus) bool {
			same := len(hosts) == len(w.seen) && (len(hosts) == 0 || &hosts[0] == &w.seen[0])
			return !same || len(w.differing) > 0
		})
		if err == nil {
			err = w.cfg.Keeper.Run("conflicts of NICs", func() error { return w.look(ctx) })
		}
		if err != nil && ctx.Err() == nil {
			w.cfg.Logger.Debug("conflicts of NICs not told; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(ConflictLasts):
		}
	}
}

// look finds NICs that are otherwise than told, and tells what lasts.
func (w *Conflicts) look(ctx context.Context) error {
	w.seen = w.book.Store.Hosts()
	ids := w.plugged(w.seen)
	w.mu.Lock()
	touched, all := w.touched, w.all
	w.touched, w.all = map[string]struct{}{}, false
	w.mu.Unlock()
	maps.Copy(ids, touched)
	if all {
		for id := range w.at {
			ids[id] = struct{}{}
		}
		for id := range w.lastTold {
			ids[id] = struct{}{}
		}
	}
	now := time.Now()
	err := w.book.Store.Read(ctx, func(s *secgroup.Snapshot) error {
		for id := range ids {
			w.judge(s.NIC(id), id, now)
		}
		return nil
	})
	if err != nil {
		w.mu.Lock()
		maps.Copy(w.touched, ids)
		w.mu.Unlock()
		return err
	}
	return w.tell(ctx, now)
}

// plugged takes reports, and returns the NICs that are plugged otherwise.
func (w *Conflicts) plugged(hosts []store.HostStatus) map[string]struct{} {
	ids, there := map[string]struct{}{}, map[string]bool{}
	for _, h := range hosts {
		there[h.Host] = true
		w.replug(h.Host, h.NICs, ids)
	}
	for host := range w.plugs {
		if !there[host] {
			w.replug(host, nil, ids)
			delete(w.plugs, host)
		}
	}
	return ids
}

func (w *Conflicts) replug(host string, nics []store.HostNIC, ids map[string]struct{}) {
	old := w.plugs[host]
	w.plugs[host] = nics
	if len(old) == len(nics) && (len(nics) == 0 || &old[0] == &nics[0]) {
		return // the same report
	}
	had := make(map[string]bool, len(old))
	for _, n := range old {
		had[n.ID] = true
	}
	for _, n := range nics {
		if had[n.ID] {
			delete(had, n.ID)
			continue
		}
		ids[n.ID] = struct{}{}
		if i, here := slices.BinarySearch(w.at[n.ID], host); !here {
			w.at[n.ID] = slices.Insert(w.at[n.ID], i, host)
		}
	}
	for id := range had {
		ids[id] = struct{}{}
		rest := slices.DeleteFunc(w.at[id], func(h string) bool { return h == host })
		if w.at[id] = rest; len(rest) == 0 {
			delete(w.at, id)
		}
	}
}

// judge compares a NIC, nil if there is none, with what was told of it.
func (w *Conflicts) judge(n *secgroup.NIC, id string, now time.Time) {
	if n == nil { // who is interested knows that it was deleted
		delete(w.lastTold, id)
		delete(w.differing, id)
		return
	}
	told := w.lastTold[id]
	found := difference{now: conflictTold{account: n.Account}, shown: Conflict{NIC: id, Hosts: strictjson.Array(slices.Clone(w.at[id]))}, since: now}
	if detail := realization.ConflictOf(n, w.at[id]); detail != "" {
		found.shown.Detail, found.now.text = detail, strings.Join(w.at[id], " ")+": "+detail
	}
	switch was, differed := w.differing[id]; {
	case found.now.text == told.text:
		delete(w.differing, id)
	case !differed || was.now != found.now:
		w.differing[id] = found
	}
}

// tell tells of the NICs that have been otherwise than told for some time.
func (w *Conflicts) tell(ctx context.Context, now time.Time) error {
	due := map[[2]string][]string{} // NICs by account and kind of alarm
	for _, id := range slices.Sorted(maps.Keys(w.differing)) {
		d := w.differing[id]
		if now.Sub(d.since) < ConflictLasts {
			continue
		}
		kind := kindConflict
		if d.now.text == "" {
			kind = kindConflictOver
		}
		if key := [2]string{d.now.account, kind}; len(due[key]) < maxConflicts {
			due[key] = append(due[key], id)
		}
	}
	var failed []error
	for key, ids := range due {
		failed = append(failed, w.raise(ctx, key[0], key[1], ids))
	}
	return errors.Join(failed...)
}

// raise makes one event of what became of NICs of an account, but for what another
// process told.
func (w *Conflicts) raise(ctx context.Context, account, kind string, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var notes []store.NoteWrite
	alarm := Alarm{Kind: kind, Time: w.book.Now().UTC(), Legs: []Leg{}}
	for _, id := range ids {
		d, name := w.differing[id], "conflict/"+id
		told, there, err := w.book.Store.Note(ctx, name)
		if err != nil {
			return err
		}
		if there && string(told.Value) == d.now.text {
			continue
		}
		notes = append(notes, store.NoteWrite{Name: name, Value: []byte(d.now.text), Keep: keep, Once: true, Over: told.Revision, Always: true})
		alarm.Conflicts = append(alarm.Conflicts, d.shown)
	}
	if len(notes) > 0 {
		alarm.Summary = summaryOf(kind, alarm.Conflicts)
		if err := w.book.note(ctx, account, w.cfg.NewID(), alarm, notes...); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if w.lastTold[id] = w.differing[id].now; w.lastTold[id].text == "" {
			delete(w.lastTold, id)
		}
		delete(w.differing, id)
	}
	return nil
}

func summaryOf(kind string, all []Conflict) string {
	first := all[0]
	text := fmt.Sprintf("NIC %s is %s: it is at %s", first.NIC, first.Detail, strings.Join(first.Hosts, ", "))
	if kind == kindConflictOver {
		text = fmt.Sprintf("NIC %s is plugged as it should be again", first.NIC)
	}
	if len(all) > 1 {
		text += fmt.Sprintf(", and %d more", len(all)-1)
	}
	return text
}
