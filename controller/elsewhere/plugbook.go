package elsewhere

import (
	"maps"
	"slices"
	"time"

	"github.com/ringfence/ringfence/store"
)

const (
	// PlugKey is the Interface external_ids key that keeps the order of a NIC's
	// plug, "<order>/<nic>", for when the store has lost it.
	PlugKey = "ringfence-plug"
	// plugLost is for how long the plug of another host counts that the store does
	// not have any more: after it was restored from a backup hosts say it again.
	plugLost = 10 * time.Second
	// portGone is for how long a plug goes on whose interface has no port, as while
	// ovs-vswitchd starts anew. After that the interface was left behind.
	portGone = 30 * time.Second
)

// plugbook is the state of Newest: where NICs are plugged, and what of this host's plugs
// is still to be written. It is told the time and does no I/O.
type plugbook struct {
	host   string
	loaded bool                    // the store's plugs have been seen
	seen   bool                    // it is known which NICs are plugged here
	others map[string][]store.Plug // of other hosts, by NIC
	lost   map[plugID]time.Time    // those of them that the store does not have any more, and until when they count
	stored map[string]store.Plug   // of this host, as the store has them
	local  map[string]*localPlug   // NICs plugged here
	noPort map[string]time.Time    // those of them whose interface has no port, and until when they count as plugged
	dirty  map[string]struct{}     // NICs whose plugs may have to be written to the store
	newer  map[string]string       // NICs here that were plugged at another host later, by NIC that host; replaced, never changed
}

type plugID struct{ host, nic string }

func newPlugbook(host string) plugbook {
	return plugbook{
		host: host, others: map[string][]store.Plug{}, lost: map[plugID]time.Time{}, stored: map[string]store.Plug{},
		local: map[string]*localPlug{}, noPort: map[string]time.Time{}, dirty: map[string]struct{}{}, newer: map[string]string{},
	}
}

// writable tells whether this host's plugs may be written to the store: before others' plugs
// are known an order would be made up, and before its own are, all that the store has of it
// would be taken back.
func (b *plugbook) writable() bool { return b.loaded && b.seen }

// replace is called with all plugs that the store has. One of another host that is not
// among them any more still counts for a while, as the store may have been restored.
func (b *plugbook) replace(plugs []store.Plug, now time.Time) {
	former := b.others
	b.others, b.stored = map[string][]store.Plug{}, map[string]store.Plug{}
	for _, p := range plugs {
		b.add(p)
	}
	for nic, t := range b.local {
		for _, p := range former[nic] {
			if !slices.ContainsFunc(b.others[nic], func(q store.Plug) bool { return q.Host == p.Host }) {
				b.others[nic] = append(b.others[nic], p)
				if id := (plugID{p.Host, nic}); b.lost[id].IsZero() {
					b.lost[id] = now.Add(plugLost)
				}
			}
		}
		if b.loaded && t.order != 0 {
			t.newInRun = false
		}
		b.rank(nic)
	}
	for nic := range b.stored {
		b.rank(nic)
	}
	b.loaded = true
}

// update is called with plugs that were written to the store, and with those deleted.
func (b *plugbook) update(set, gone []store.Plug) {
	for _, p := range set {
		b.add(p)
		b.rank(p.NIC)
	}
	for _, p := range gone {
		b.remove(p.Host, p.NIC)
	}
}

func (b *plugbook) add(p store.Plug) {
	if p.Host == b.host {
		b.stored[p.NIC] = p
		return
	}
	b.remove(p.Host, p.NIC)
	b.others[p.NIC] = append(b.others[p.NIC], p)
}

func (b *plugbook) remove(host, nic string) {
	if host == b.host {
		delete(b.stored, nic)
		b.rank(nic)
		return
	}
	delete(b.lost, plugID{host, nic})
	rest := slices.DeleteFunc(slices.Clone(b.others[nic]), func(p store.Plug) bool { return p.Host == host })
	if b.others[nic] = rest; len(rest) == 0 {
		delete(b.others, nic)
	}
	b.rank(nic)
}

// expire removes the plugs of other hosts that the store has not had for plugLost, and those
// here that have had no port for portGone. again is when the next of them is due, zero for
// never.
func (b *plugbook) expire(now time.Time) (again time.Time) {
	due := func(until time.Time) bool {
		if now.Before(until) && (again.IsZero() || until.Before(again)) {
			again = until
		}
		return !now.Before(until)
	}
	for id, until := range b.lost {
		if due(until) {
			b.remove(id.host, id.nic)
		}
	}
	for nic, until := range b.noPort {
		if due(until) {
			t := b.local[nic]
			b.local[nic] = &localPlug{iface: t.iface, row: t.row, rowOrder: t.rowOrder, unplugged: true}
			delete(b.noPort, nic)
			b.rank(nic)
		}
	}
	return again
}

// rank finds out anew where a NIC was plugged last. It is called when any of its plugs
// differs, and notes that this host's may have to be written.
func (b *plugbook) rank(nic string) {
	b.dirty[nic] = struct{}{}
	if t, kept := b.local[nic], b.stored[nic]; t != nil && !t.unplugged && kept.Row == t.row && kept.Order > t.order {
		t.order, t.restored, t.ready, t.readyKnown = kept.Order, kept.Restored, t.ready || kept.Ready, true
	}
	host := b.outrankedBy(nic)
	if b.newer[nic] == host {
		return
	}
	newer := maps.Clone(b.newer)
	if newer[nic] = host; host == "" {
		delete(newer, nic)
	}
	b.newer = newer
}

// outrankedBy is the host where a NIC of this host is plugged since later, "" if
// there is none.
func (b *plugbook) outrankedBy(nic string) string {
	t := b.local[nic]
	if t == nil || t.unplugged || t.order == 0 { // not plugged, or just now
		return ""
	}
	best := store.Plug{Host: b.host, Order: t.order}
	for _, p := range b.others[nic] {
		if t.newInRun && p.Restored && p.Order >= t.order {
			// It was plugged in a history that the store has lost, this one after
			// that, by revisions that begin anew.
			t.order = p.Order + 1
			best.Order = max(best.Order, t.order)
		} else if p.Ready && p.NewerThan(best) {
			best = p
		}
	}
	if best.Host == b.host {
		return ""
	}
	return best.Host
}
