package realization

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// maxPast bounds the changes that can be undone, in bytes: of the objects that
// they keep alive and of whom they concern, as estimated by weight.
const maxPast = 16 << 20

// ErrPast says that a revision is too old to be shown, or was never seen here.
var ErrPast = errors.New("revision is not kept")

// History remembers how to undo the latest changes, so that a list can be read
// page by page at one revision while the policy goes on; and whom the latest
// changes concern, for those who ask whether they are in force.
//
//	undo[0]      undo[1]      undo[2]
//	from ──────▶ from ──────▶ from ──────▶ the snapshot's revision
type History struct {
	mu   sync.Mutex
	undo []batch
	mark string // of the write that the snapshot's revision is, "" = not known
	kept int    // weight of undo, in bytes
	most int    // that kept may be
}

// batch is what one batch of the feed did.
type batch struct {
	from, to int64  // revisions before and after
	mark     string // of the write that from is
	changes  []secgroup.Change
	impact   impact.Impact
	weight   int // bytes
}

// NewHistory makes one that knows of nothing yet.
func NewHistory() *History { return &History{most: maxPast} }

// Record is a store.Observer: it takes note of a batch that is about to be applied.
// What it returns enters it, when it is.
func (h *History) Record(before, after *secgroup.Snapshot, b store.Batch) (applied func()) {
	if b.Broken {
		return func() { h.restart(b.Mark) }
	}
	p := batch{from: before.Revision(), to: b.Revision, impact: impact.Of(before, after, b.Changes).Impact}
	p.impact.Loss = impact.Loss{} // nobody asks afterwards which connections may have gone
	for _, c := range b.Changes {
		p.changes = append(p.changes, secgroup.Change{Key: c.Key, Object: before.Get(c.Key)})
	}
	p.weight = weigh(&p)
	return func() { h.enter(p, b.Mark) }
}

// restart forgets all: the snapshot has another history now.
func (h *History) restart(mark string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mark, h.undo, h.kept = mark, nil, 0
}

// enter adds what a batch did, and forgets the oldest for it.
func (h *History) enter(p batch, mark string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.mark, h.mark = h.mark, mark
	h.undo = append(h.undo, p)
	h.kept += p.weight
	drop := 0
	for h.kept > h.most && drop < len(h.undo) {
		h.kept -= h.undo[drop].weight
		drop++
	}
	clear(h.undo[:drop]) // append moves the rest, once in a while
	h.undo = h.undo[drop:]
}

// At returns the policy at a revision, given a later one. The mark says which write the revision is: a store
// that was restored from a backup gives numbers out again. "" is any.
func (h *History) At(s *secgroup.Snapshot, rev int64, mark string) (*secgroup.Snapshot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	differs := func(have string) bool { return mark != "" && have != "" && mark != have }
	if rev == s.Revision() {
		if differs(h.mark) {
			return nil, ErrPast
		}
		return s, nil
	}
	first := slices.IndexFunc(h.undo, func(p batch) bool { return p.from == rev })
	if first < 0 || differs(h.undo[first].mark) {
		return nil, ErrPast
	}
	var changes []secgroup.Change
	undone := map[secgroup.Key]struct{}{}
	for _, p := range h.undo[first:] { // of an object that changed more than once, the oldest state is the one
		for _, c := range p.changes {
			if _, later := undone[c.Key]; !later {
				undone[c.Key] = struct{}{}
				changes = append(changes, c)
			}
		}
	}
	then, _ := s.With(rev, changes)
	return then, nil
}

// MarkOf is the mark of the write at a revision, "" if it is not known.
func (h *History) MarkOf(s *secgroup.Snapshot, rev int64) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if rev == s.Revision() {
		return h.mark
	}
	if i := slices.IndexFunc(h.undo, func(p batch) bool { return p.from == rev }); i >= 0 {
		return h.undo[i].mark
	}
	return ""
}

// impacts calls f with the changes made up to a revision, as far back as they
// are kept, and reports whether the one that led to that revision is among
// them.
func (h *History) impacts(rev int64, f func(rev int64, i impact.Impact)) (known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.undo {
		if p := &h.undo[i]; p.to <= rev {
			f(p.to, p.impact)
			known = known || p.to == rev
		}
	}
	return known
}

// ImpactAt returns whom the change that led to a revision concerns, if that is
// known here.
func (h *History) ImpactAt(rev int64) (i impact.Impact, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, found := slices.BinarySearchFunc(h.undo, rev, func(p batch, rev int64) int { return cmp.Compare(p.to, rev) })
	if !found {
		return impact.Impact{}, false
	}
	return h.undo[at].impact, true
}

// LastDeleted returns the NIC that was deleted last of those that match, and the
// revision at which it was; nil if none is known. s is the policy now.
func (h *History) LastDeleted(s *secgroup.Snapshot, match func(*secgroup.NIC) bool) (*secgroup.NIC, int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range slices.Backward(h.undo) {
		for _, c := range p.changes {
			if n, is := c.Object.(*secgroup.NIC); is && match(n) && s.NIC(n.ID) == nil {
				return n, p.to
			}
		}
	}
	return nil, 0
}

// Size is how much is kept, in bytes.
func (h *History) Size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept
}
