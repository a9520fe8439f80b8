package hosts

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// view is what belief rests on beside the reports: how far the policy is, in which
// history, and at which etcd revision a restore was noticed last.
type view struct{ number, revision, noticedAt int64 }

// refresh forgets what was believed by another view than there is now, and tells
// whether the reports are known. The caller holds mu; so for what follows, unless it
// says otherwise.
func (b *Board) refresh() (loaded bool) {
	if !b.loaded || !b.restores.IsLoaded() {
		return false
	}
	var now view
	now.number, now.revision = b.policy.At()
	now.noticedAt = b.restores.NoticedAt()
	if now.number != b.view.number {
		clear(b.reached)
	}
	if b.believed == nil || now != b.view {
		b.believed, b.sorted, b.view = map[string]record.HostStatus{}, nil, now
	}
	return true
}

// believe is a host's report as it is believed by the view.
func (b *Board) believe(host string) (h record.HostStatus, known bool) {
	if h, known = b.believed[host]; known {
		return h, true
	}
	r, known := b.reports[host]
	if !known {
		return record.HostStatus{}, false
	}
	h = b.judge(b.relays.update(r))
	b.believed[host] = h
	return h, true
}

// judge is a report without what may not be true, with the reason in Doubt. One that is
// ahead of the policy counts as the last one that was not.
func (b *Board) judge(r report) record.HostStatus {
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
func (b *Board) lineage(w record.Write) link.Lineage {
	l, known := b.lineages[w]
	if !known {
		select {
		case b.unproven <- struct{}{}:
		default:
		}
		return link.Unproven
	}
	return l
}

// lookUp asks etcd for the writes that hosts speak of, where they are older than
// what the policy remembers. The caller does not hold mu.
func (b *Board) lookUp(reports []report) error {
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
			return err
		}
		b.mu.Lock()
		if len(b.lineages) >= maxLineages {
			clear(b.lineages)
		}
		b.lineages[w] = t.Lineage
		b.believed = nil // others may speak of the same write
		b.mu.Unlock()
	}
	return nil
}

// lookAgain judges the reports again when another restore becomes known, and looks up
// what could not be when a report came: the policy was not known yet, or etcd did not
// answer. It runs until the link is closed, and does not hold mu when it begins.
func (b *Board) lookAgain() {
	for {
		restored := b.restores.Changed()
		b.mu.Lock()
		b.believed = nil
		b.mu.Unlock()
		b.pulse.Beat()
		select {
		case <-b.link.Ctx.Done():
			return
		case <-restored:
		case <-b.unproven:
			b.mu.Lock()
			reports := slices.Collect(maps.Values(b.reports))
			b.mu.Unlock()
			for i := range reports {
				reports[i] = b.relays.update(reports[i])
			}
			if b.lookUp(reports) != nil { // what is still open asks again
				b.link.Idle(link.RetryDelayMax)
			}
		}
	}
}

// judgeAgain is called when some relays have said something else of their hosts. The
// caller does not hold mu.
func (b *Board) judgeAgain(relays map[string]bool) {
	b.mu.Lock()
	maps.DeleteFunc(b.believed, func(host string, _ record.HostStatus) bool { return relays[b.reports[host].Relay] })
	b.sorted = nil
	b.mu.Unlock()
	b.pulse.Beat()
}
