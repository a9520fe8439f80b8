package elsewhere

import (
	"maps"
	"slices"
	"time"

	"github.com/ringfence/ringfence/ovsdb"
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

// plugbook is which NICs are plugged here and which elsewhere, and what of the
// former the store does not have as it is. It knows no clock and does nothing.
type plugbook struct {
	host   string
	loaded bool                    // the store's plugs have been seen
	others map[string][]store.Plug // of other hosts, by NIC
	lost   map[plugID]time.Time    // which of them are to be gone, and when
	stored map[string]store.Plug   // of this host, as the store has them
	here   map[string]*localPlug   // NICs plugged here, as they were reported
	dirty  map[string]struct{}     // NICs of which the store may have to be told
	newer  map[string]string       // NICs here that are plugged elsewhere since later: that host. It is replaced, not changed.
}

type plugID struct{ host, nic string }

// localPlug is a NIC's plug here.
type localPlug struct {
	iface, row string
	order      int64 // 0: to be had from the store
	inRow      int64 // as the interface's row has it
	restored   bool  // the store had lost it
	newInRun   bool  // it was told of in this run, and the store lost nothing since
	readyKnown bool  // it is ready, or is known not to become so
	ready      bool  // it is or was
	away       bool  // its port is gone: it is no plug
	noPort     time.Time
}

// reportedPlug is what is reported of a NIC that is plugged here.
type reportedPlug struct {
	nic           string
	iface         ovsdb.Interface
	ready, failed bool
}

func newPlugbook(host string) plugbook {
	return plugbook{
		host: host, others: map[string][]store.Plug{}, lost: map[plugID]time.Time{}, stored: map[string]store.Plug{},
		here: map[string]*localPlug{}, dirty: map[string]struct{}{}, newer: map[string]string{},
	}
}

// setHere takes all NICs that are plugged here.
func (b *plugbook) setHere(all []reportedPlug, now time.Time) {
	there := make(map[string]bool, len(all))
	for _, p := range all {
		there[p.nic] = true
		b.setOne(p, now)
	}
	for nic := range b.here {
		if !there[nic] {
			delete(b.here, nic)
			b.touch(nic)
		}
	}
	for nic := range b.stored { // of a former run
		if !there[nic] {
			b.dirty[nic] = struct{}{}
		}
	}
}

func (b *plugbook) setOne(p reportedPlug, now time.Time) {
	t, port := b.here[p.nic], p.iface.OFPort != 0
	row := string(p.iface.UUID)
	if t == nil || t.row != row {
		t = &localPlug{row: row, inRow: parsePlug(p.iface, p.nic)}
		t.order = t.inRow
		t.away = !port && t.order == 0
		b.here[p.nic] = t
		b.touch(p.nic)
	}
	was := *t
	t.iface = p.iface.Name
	t.ready = t.ready || p.ready
	t.readyKnown = t.readyKnown || p.ready || p.failed
	switch {
	case port:
		t.away, t.noPort = false, time.Time{}
	case t.noPort.IsZero():
		t.noPort = now
	case !t.away && now.Sub(t.noPort) > portGone:
		*t = localPlug{iface: t.iface, row: t.row, inRow: t.inRow, away: true, noPort: t.noPort}
	}
	if was != *t {
		b.touch(p.nic)
	}
}

// all takes all plugs that the store has.
func (b *plugbook) all(plugs []store.Plug, now time.Time) {
	former := b.others
	b.others, b.stored = map[string][]store.Plug{}, map[string]store.Plug{}
	for _, p := range plugs {
		b.add(p)
	}
	for nic, t := range b.here {
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
		b.touch(nic)
	}
	for nic := range b.stored {
		b.touch(nic)
	}
	b.loaded = true
}

// changed takes plugs that the store has, and those that it has no more.
func (b *plugbook) changed(set, gone []store.Plug) {
	for _, p := range set {
		b.add(p)
		b.touch(p.NIC)
	}
	for _, p := range gone {
		b.drop(p.Host, p.NIC)
	}
}

func (b *plugbook) add(p store.Plug) {
	if p.Host == b.host {
		b.stored[p.NIC] = p
		return
	}
	b.drop(p.Host, p.NIC)
	b.others[p.NIC] = append(b.others[p.NIC], p)
}

func (b *plugbook) drop(host, nic string) {
	if host == b.host {
		delete(b.stored, nic)
		b.touch(nic)
		return
	}
	delete(b.lost, plugID{host, nic})
	rest := slices.DeleteFunc(slices.Clone(b.others[nic]), func(p store.Plug) bool { return p.Host == host })
	if b.others[nic] = rest; len(rest) == 0 {
		delete(b.others, nic)
	}
	b.touch(nic)
}

// expire drops what the store has lost for long, and says when it is time again,
// zero for never.
func (b *plugbook) expire(now time.Time) (again time.Time) {
	for id, until := range b.lost {
		if !now.Before(until) {
			b.drop(id.host, id.nic)
		} else if again.IsZero() || until.Before(again) {
			again = until
		}
	}
	return again
}

// touch looks at a NIC of which something is different.
func (b *plugbook) touch(nic string) {
	b.dirty[nic] = struct{}{}
	if t, kept := b.here[nic], b.stored[nic]; t != nil && !t.away && kept.Row == t.row && kept.Order > t.order {
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
	t := b.here[nic]
	if t == nil || t.away || t.order == 0 { // not plugged, or just now
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
