// Package share holds the host's share of the policy: what the loop enforces, what
// of it has changed since the loop looked last, and what that may have taken away
// from open connections.
//
//	Source ── Update ──► Held ── Take ──► the loop
//	   ▲                   └──── Read ──► who judges connections, who answers questions
//	   └── Plug ── the loop
//
// Where the share comes from is the Source's affair: from a store whose policy this
// process has as a whole (package whole), or from a file of before (package kept).
// The host needs nothing else of the policy, but for connections of which it is not
// known who began them (see revoke.Judge).
package share

import (
	"context"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// Source brings the host's share of the policy.
type Source interface {
	// Follow has h take the share of the NICs that are plugged, and what changes in
	// it, until ctx ends. It goes on over any loss of what the share comes from. It
	// may wait for Plug to be called first.
	Follow(ctx context.Context, h Handler) error
	// Plug says which NICs are plugged (true), and which are not any more (false);
	// all, that there are no others. What that changes in the share comes by an
	// update, maybe before Plug returns.
	Plug(nics map[string]bool, all bool)
}

// Handler takes the updates of a Source, one at a time.
type Handler interface {
	Handle(u Update)
}

// Holder is a Handler that knows the share that it was brought. A source that has lost
// sight of the policy may then bring what differs from that, instead of all of it.
type Holder interface {
	// Holds lets fn look at the share, and tells whether there is one.
	Holds(fn func(*span.Share)) bool
}

// Update brings the share to a revision of the policy.
type Update struct {
	Revision int64
	// Mark is that of the write at Revision, see store.Batch.
	Mark string
	// Epoch tells the store from others, and from itself before it was restored; ""
	// if that is not known.
	Epoch string
	// Number tells the source which update is in force; 0 if it does not care.
	Number uint64
	Delta  span.Delta // may be empty; it is full in the first update
	// Anew says that nothing tells whether this is of the same history as the update
	// before: the source may have lost sight of the policy in between. Full ones are.
	Anew bool
	// Unreadable are the records of the policy that cannot be read, see store.Batch.
	Unreadable []store.Unreadable
	// Kept is not nil in a full update that is what the host has kept of before,
	// while nobody can say what holds now.
	Kept *Kept
}

// InForce says which updates are in force, by their numbers.
type InForce struct {
	Whole  uint64            // it, and all before it, everywhere on the host
	Latest uint64            // it, and all before it, but for the NICs that are behind
	Behind map[string]uint64 // by NIC, what is in force for it; it is never changed
}

// Held is the share as the host has it.
type Held struct {
	host     string
	notify   func()
	onUpdate func(Update) // is told of each update, once the share has it; may be nil
	names    namers       // under turn

	// turn is held by Handle and Take, which go one at a time. So Take may read the
	// share for as long as a compile lasts without holding up Read.
	turn  sync.Mutex
	delta span.Delta // since Take; under turn

	mu     sync.RWMutex // of all below; who holds turn may read without
	share  *span.Share
	rev    int64
	mark   string // of the write that rev is
	number uint64 // of the last update
	loaded bool
	loss   impact.Loss // what may not be allowed any more since Take
	kept   *Kept
}

// Changes is what happened to the share between two calls of Take.
type Changes struct {
	Policy Policy      // the share, as those read it who judge
	Share  span.Delta  // full if another share took the place of the one before
	Loss   impact.Loss // what may not be allowed any more
}

// New returns one that has nothing yet. It calls wake with each update, and after
// that told, unless it is nil.
func New(host string, wake func(), told func(Update)) *Held {
	return &Held{host: host, notify: wake, onUpdate: told, share: span.NewShare(), names: namers{}}
}

// Handle takes the next update.
func (h *Held) Handle(u Update) {
	h.turn.Lock()
	defer h.turn.Unlock()
	h.mu.Lock()
	if u.Delta.Full {
		before := h.share
		h.share = span.NewShare()
		h.share.Apply(u.Delta)
		h.names = namersOf(h.share)
		loss := impact.Loss{All: true, Filtered: filtered(before, h.share)}
		loss.Merge(impact.Loss{Filtered: h.loss.Filtered})
		h.loss = loss
		h.loaded, h.kept = true, u.Kept
	} else {
		before := lossOf(h.host, h.share, u.Delta, h.names)
		h.names.change(h.share, u.Delta)
		h.share.Apply(u.Delta)
		before.finish(h.share, &h.loss)
	}
	h.delta = span.Merge(h.delta, u.Delta)
	h.rev, h.mark, h.number = u.Revision, u.Mark, u.Number
	h.mu.Unlock()
	if h.onUpdate != nil {
		h.onUpdate(u)
	}
	h.notify()
}

// Point is a state of the share, see Update.
type Point struct {
	Revision int64
	Mark     string
	Number   uint64
}

// Take hands the share and its changes to fn, which must not keep the share. It
// returns which state that is, or false while there is none.
func (h *Held) Take(fn func(*span.Share, Changes)) (at Point, loaded bool) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if !h.loaded {
		return Point{}, false
	}
	fn(h.share, Changes{Policy{h.share, h.host}, h.delta, h.loss})
	h.delta = span.Delta{}
	h.mu.Lock()
	h.loss = impact.Loss{}
	h.mu.Unlock()
	return Point{h.rev, h.mark, h.number}, true
}

// Read lets fn look at the policy of the share. Nothing changes meanwhile.
func (h *Held) Read(fn func(Policy)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	fn(Policy{h.share, h.host})
}

// Share lets fn look at the share alone.
func (h *Held) Share(fn func(*span.Share)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	fn(h.share)
}

// Holds is that of Holder.
func (h *Held) Holds(fn func(*span.Share)) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.loaded {
		fn(h.share)
	}
	return h.loaded
}

// Kept tells that the share is what was kept of before, nil if it is not.
func (h *Held) Kept() *Kept {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.kept
}

// namers are the groups of the share whose enabled rules name a group, by that one.
type namers map[secgroup.GroupRef][]secgroup.GroupRef

func namersOf(s *span.Share) namers {
	n := namers{}
	for _, g := range s.Groups {
		n.add(g)
	}
	return n
}

// change follows what a delta is about to change.
func (n namers) change(s *span.Share, d span.Delta) {
	for ref, now := range d.Groups {
		if was := s.Groups[ref]; was != nil {
			n.drop(was)
		}
		if now != nil {
			n.add(now)
		}
	}
}

func (n namers) add(g *secgroup.Group) {
	for _, r := range g.Rules {
		if remote := r.RemoteGroup; r.Enabled && remote != (secgroup.GroupRef{}) && !slices.Contains(n[remote], g.GroupRef) {
			n[remote] = append(n[remote], g.GroupRef)
		}
	}
}

func (n namers) drop(g *secgroup.Group) {
	for _, r := range g.Rules {
		if all := n[r.RemoteGroup]; len(all) > 0 {
			if n[r.RemoteGroup] = slices.DeleteFunc(all, func(o secgroup.GroupRef) bool { return o == g.GroupRef }); len(n[r.RemoteGroup]) == 0 {
				delete(n, r.RemoteGroup)
			}
		}
	}
}
