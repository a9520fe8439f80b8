package elsewhere

import (
	"time"

	"github.com/ringfence/ringfence/ovsdb"
)

// localPlug is a NIC's plug here.
type localPlug struct {
	iface, row string
	order      int64 // 0: the store has not given it one yet
	rowOrder   int64 // the order that the interface's row has
	restored   bool  // the store had lost it
	newInRun   bool  // this run was the first to write it, and the store was not restored since
	readyKnown bool  // it is ready, or has failed to become so
	ready      bool  // it is ready, or was
	unplugged  bool  // its port has been gone for long: it is no plug any more
}

// setPlugged is called with the interfaces of NICs that were plugged or differ, and with the
// NICs that are not plugged any more. If all is set, here has all that are plugged.
func (b *plugbook) setPlugged(here map[string]ovsdb.Interface, gone []string, all bool, now time.Time) {
	for nic, iface := range here {
		b.setInterface(nic, iface, now)
	}
	for _, nic := range gone {
		b.unplug(nic)
	}
	if !all {
		return
	}
	b.seen = true
	for nic := range b.local {
		if _, ok := here[nic]; !ok {
			b.unplug(nic)
		}
	}
	for nic := range b.stored { // of a former run
		b.dirty[nic] = struct{}{}
	}
}

func (b *plugbook) unplug(nic string) {
	if b.local[nic] == nil {
		return
	}
	delete(b.local, nic)
	delete(b.noPort, nic)
	b.rank(nic)
}

func (b *plugbook) setInterface(nic string, iface ovsdb.Interface, now time.Time) {
	t, port := b.local[nic], iface.OFPort != 0
	if row := string(iface.UUID); t == nil || t.row != row {
		t = &localPlug{row: row, rowOrder: parsePlug(iface, nic)}
		t.order = t.rowOrder
		t.unplugged = !port && t.order == 0
		b.local[nic] = t
		delete(b.noPort, nic)
	}
	t.iface = iface.Name
	if port {
		t.unplugged = false
		delete(b.noPort, nic)
	} else if b.noPort[nic].IsZero() && !t.unplugged {
		b.noPort[nic] = now.Add(portGone)
	}
	b.rank(nic)
}

// setReady is called with what is reported of a NIC: that it is ready, or that it has failed
// to become so.
func (b *plugbook) setReady(nic string, ready, failed bool) {
	t := b.local[nic]
	if t == nil || t.unplugged {
		return
	}
	was := *t
	t.ready = t.ready || ready
	t.readyKnown = t.readyKnown || ready || failed
	if was != *t {
		b.rank(nic)
	}
}
