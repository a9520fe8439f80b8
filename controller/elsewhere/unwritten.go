package elsewhere

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// unwritten returns the plugs of this host that are to be written to the store, and the
// NICs whose plugs are to be deleted. It returns them again until the store has it so.
func (b *plugbook) unwritten() (plugs []store.Plug, gone []string) {
	if !b.writable() {
		return nil, nil
	}
	for nic := range b.dirty {
		kept, has := b.stored[nic]
		t := b.local[nic]
		switch {
		case t == nil || t.unplugged:
			if has {
				gone = append(gone, nic)
				continue
			}
		case t.order != 0 || t.readyKnown:
			t.newInRun = t.newInRun || t.order == 0
			t.restored = t.restored || !has && !t.newInRun
			want := store.Plug{Host: b.host, NIC: nic, Row: t.row, Order: t.order, Restored: t.restored, Ready: t.ready}
			if !has || kept != want {
				plugs = append(plugs, want)
				continue
			}
		}
		delete(b.dirty, nic)
	}
	slices.SortFunc(plugs, func(p, q store.Plug) int { return strings.Compare(p.NIC, q.NIC) })
	slices.Sort(gone)
	return plugs, gone
}

// written is called with what was written to the store, and deleted.
func (b *plugbook) written(plugs []store.Plug, gone []string) {
	for _, p := range plugs {
		b.stored[p.NIC] = p
		b.rank(p.NIC)
	}
	for _, nic := range gone {
		delete(b.stored, nic)
	}
}

// unwrittenRows returns what is to be written to interfaces' rows under PlugKey, by
// interface: the order of each plug that its row does not have.
func (b *plugbook) unwrittenRows() map[string]string {
	rows := map[string]string{}
	for nic, t := range b.local {
		if t.order != t.rowOrder {
			rows[t.iface] = plugValue(t.order, nic)
		}
	}
	return rows
}

// rowsWritten is called with what was written to the rows.
func (b *plugbook) rowsWritten(rows map[string]string) {
	for nic, t := range b.local {
		if rows[t.iface] == plugValue(t.order, nic) {
			t.rowOrder = t.order
		}
	}
}

func plugValue(order int64, nic string) string { return fmt.Sprintf("%d/%s", order, nic) }

// parsePlug reads the order that was kept at an interface for a NIC, 0 if none was.
func parsePlug(i ovsdb.Interface, nic string) int64 {
	number, of, _ := strings.Cut(i.ExternalIDs[PlugKey], "/")
	order, err := strconv.ParseInt(number, 10, 64)
	if of != nic || err != nil || order < 0 {
		return 0
	}
	return order
}
