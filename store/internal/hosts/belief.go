package hosts

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// report is what a host said, and the etcd revision that wrote it.
type report struct {
	record.HostStatus
	written int64
}

// Policy is the policy as this process follows it.
type Policy interface {
	// Has says whether its history has a write.
	Has(w record.Write) history.Knowledge
	// At says how far it is, and in which history, counted from 1.
	At() (number, revision int64)
}

// belief judges what of the reports is believed. Who calls it holds the board's lock, but
// for lookUp, which waits for etcd.
type belief struct {
	link     *link.Link
	policy   Policy
	restores *history.Restores
	unproven chan struct{} // has one when a report speaks of a write that is still to be looked up

	view     view
	reached  map[string]int64 // by host, what it had applied in this history when its word was last believed
	outdated int64            // reports up to this etcd revision were written before this process saw that the store was restored
	restored bool             // the next load is the first since then

	mu       sync.Mutex
	lineages map[record.Write]link.Lineage // of writes that the policy does not remember: whether its history has them
}

// view is what belief rests on beside the reports: how far the policy is, in which
// history, and at which etcd revision a restore was noticed last.
type view struct{ number, revision, noticedAt int64 }

func newBelief(l *link.Link, policy Policy, restores *history.Restores) *belief {
	return &belief{
		link: l, policy: policy, restores: restores, unproven: make(chan struct{}, 1),
		reached: map[string]int64{}, lineages: map[record.Write]link.Lineage{},
	}
}

// look takes another view, if there is one: all that was judged is to be judged again then.
func (b *belief) look() (changed bool) {
	var now view
	now.number, now.revision = b.policy.At()
	now.noticedAt = b.restores.NoticedAt()
	if now.number != b.view.number {
		clear(b.reached)
	}
	changed = now != b.view
	b.view = now
	return changed
}

// forget is called when the store turns out to have another history: no report is
// believed. Those that it has now may be of hosts that went on since: they count when the
// hosts have spoken again.
func (b *belief) forget() {
	b.restored, b.outdated = true, math.MaxInt64
	clear(b.reached)
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.lineages)
}

// loaded is called when all reports were loaded, of which latest is the last one's etcd
// revision.
func (b *belief) loaded(latest int64) {
	if b.restored {
		b.outdated, b.restored = latest, false
	}
}

// judge is a report without what may not be true, with the reason in Doubt. One that is
// ahead of the policy counts as the last one that was not.
func (b *belief) judge(r report) record.HostStatus {
	h := r.HostStatus
	w := record.Write{Revision: h.Applied, Mark: h.Mark}
	if h.Applied == 0 {
		return h
	}
	known := b.policy.Has(w)
	switch {
	case r.written <= max(b.outdated, b.view.noticedAt):
		h.Doubt = "no report since the store was restored from a backup"
	case known == history.Included, known == history.TooOld && (h.Mark == "" || b.lineage(w) == link.SameHistory):
		b.reached[h.Host] = h.Applied
		if h.Latest > h.Applied && b.policy.Has(record.Write{Revision: h.Latest, Mark: h.LatestMark}) != history.Included {
			return atMost(h, h.Applied)
		}
		return h // the revisions between Applied and Latest are of the same history
	case known == history.NotYet && b.reached[h.Host] > 0:
		return atMost(h, b.reached[h.Host])
	case known == history.NotYet:
		h.Doubt = fmt.Sprintf("it reports revision %d, and the store is not there yet", h.Applied)
	case known == history.TooOld && b.lineage(w) == link.Unproven:
		// Nobody saw a loss, but perhaps nobody was there to see it.
		h.Doubt = fmt.Sprintf("it reports revision %d, and etcd has nothing left that tells whether that was in this history", h.Applied)
	default:
		h.Doubt = fmt.Sprintf("it reports revision %d of a history that the store does not have", h.Applied)
	}
	return atMost(h, 0)
}

// atMost is a report of no later revision than that.
func atMost(h record.HostStatus, rev int64) record.HostStatus {
	if h.Latest > rev {
		h.Latest, h.LatestMark = 0, ""
	}
	h.Applied, h.NICs = min(h.Applied, rev), slices.Clone(h.NICs)
	for i := range h.NICs {
		h.NICs[i].Applied = min(h.NICs[i].Applied, rev)
	}
	return h
}

// maxLineages bounds how many writes are remembered that were looked up.
const maxLineages = 4096

// lineage says whether a write is in the history, of which the policy remembers later
// writes only. If that is not known yet it has the write looked up.
func (b *belief) lineage(w record.Write) link.Lineage {
	b.mu.Lock()
	l, known := b.lineages[w]
	b.mu.Unlock()
	if !known {
		select {
		case b.unproven <- struct{}{}:
		default:
		}
		return link.Unproven
	}
	return l
}

// lookUp asks etcd for the writes that hosts speak of, where they are older than what the
// policy remembers. It says whether it learned anything; what is said of the same writes
// is to be judged again then. It may be called while another one judges.
func (b *belief) lookUp(reports []report) (learned bool, err error) {
	for _, h := range reports {
		w := record.Write{Revision: h.Applied, Mark: h.Mark}
		b.mu.Lock()
		_, known := b.lineages[w]
		b.mu.Unlock()
		if known || h.Applied == 0 || h.Mark == "" || b.policy.Has(w) != history.TooOld {
			continue
		}
		ctx, cancel := context.WithTimeout(b.link.Ctx, b.link.Config.RequestTimeout)
		t, err := b.link.Testify(ctx, w)
		cancel()
		if err != nil {
			return learned, err
		}
		learned = true
		b.mu.Lock()
		if len(b.lineages) >= maxLineages {
			clear(b.lineages)
		}
		b.lineages[w] = t.Lineage
		b.mu.Unlock()
	}
	return learned, nil
}
