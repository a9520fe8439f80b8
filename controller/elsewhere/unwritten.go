package elsewhere

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// unwritten returns what the store has to be told: plugs, and NICs that are plugged no
// more. It is due until the store has it.
func (b *plugbook) unwritten() (plugs []store.Plug, gone []string) {
	if !b.loaded {
		return nil, nil
	}
	for nic := range b.dirty {
		kept, has := b.stored[nic]
		t := b.here[nic]
		switch {
		case t == nil || t.away:
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

// written takes what the store was told.
func (b *plugbook) written(plugs []store.Plug, gone []string) {
	for _, p := range plugs {
		b.stored[p.NIC] = p
		b.touch(p.NIC)
	}
	for _, nic := range gone {
		delete(b.stored, nic)
	}
}

// unwrittenRows returns what interfaces are to keep and do not, by interface.
func (b *plugbook) unwrittenRows() map[string]string {
	rows := map[string]string{}
	for nic, t := range b.here {
		if t.order != t.inRow {
			rows[t.iface] = plugValue(t.order, nic)
		}
	}
	return rows
}

// rowsWritten says that interfaces keep that.
func (b *plugbook) rowsWritten(rows map[string]string) {
	for nic, t := range b.here {
		if rows[t.iface] == plugValue(t.order, nic) {
			t.inRow = t.order
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
