package revoke

import (
	"sync"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/unixctl"
)

// maxTombs is how many tombstones are remembered, of some 150 bytes each. Those
// beyond are cut like the others, and only forgotten with the switch's memory.
const maxTombs = 1 << 16

// tombs remembers what is cut (see ofrules.Cut), so that it stays cut where the
// switch forgets its connections before their time: ovs-vswitchd ends, a NIC is
// plugged anew and gets another zone, somebody flushes. A connection is
// remembered until it would have timed out in the switch, had nobody sent on.
type tombs struct {
	mu    sync.Mutex
	byNIC map[string]map[tomb]time.Time // when it ends
	count int
}

// tomb is a connection of a NIC, in its original direction.
type tomb struct {
	proto uint8
	orig  unixctl.Tuple
}

func newTombs() *tombs { return &tombs{byNIC: map[string]map[tomb]time.Time{}} }

// worthRemembering reports whether a connection needs a tombstone elsewhere: ICMP does not,
// as only the end that asks can begin it.
func worthRemembering(c unixctl.Conn) bool { return !isICMP(c) }

// remember notes that a connection is cut, until it would time out if nobody sent anything.
func (t *tombs) remember(nic string, c unixctl.Conn, now time.Time) {
	if !worthRemembering(c) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.byNIC[nic]
	k := tomb{c.Proto, c.Orig}
	if _, known := kept[k]; !known {
		if t.count >= maxTombs {
			return
		}
		if kept == nil {
			kept = map[tomb]time.Time{}
			t.byNIC[nic] = kept
		}
		t.count++
	}
	kept[k] = now.Add(c.Timeout)
}

// forget drops a connection that is not cut any more.
func (t *tombs) forget(nic string, c unixctl.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(nic, tomb{c.Proto, c.Orig})
}

func (t *tombs) remove(nic string, k tomb) {
	kept := t.byNIC[nic]
	if _, known := kept[k]; !known {
		return
	}
	t.count--
	if delete(kept, k); len(kept) == 0 {
		delete(t.byNIC, nic)
	}
}

// lostOf compares the tombstones that are remembered of a NIC with the connections in its
// zone, and returns those that the switch has lost before their time: a connection between
// the same ends has begun in the other direction, or, if conns are all connections of the
// zone (all), there is none.
func (t *tombs) lostOf(nic string, zone uint16, conns []unixctl.Conn, all bool, now time.Time) (lost []unixctl.Conn) {
	for _, c := range conns {
		if ofrules.IsCut(c.Labels) {
			t.remember(nic, c, now)
		}
	}
	there := make(map[tomb]bool, len(conns)) // cut
	for _, c := range conns {
		there[tomb{c.Proto, c.Orig}] = ofrules.IsCut(c.Labels)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, end := range t.byNIC[nic] {
		cut, same := there[k]
		switch _, back := there[tomb{k.proto, reversed(k.orig)}]; {
		case same && !cut, now.After(end): // a rule allows it again, or it is over
			t.remove(nic, k)
		case back || all && !same:
			lost = append(lost, k.in(zone, end.Sub(now)))
		}
	}
	return lost
}

// in is a connection of a zone that is over in a while.
func (k tomb) in(zone uint16, left time.Duration) unixctl.Conn {
	return unixctl.Conn{Proto: k.proto, Zone: zone, Orig: k.orig, Reply: reversed(k.orig), Timeout: left}
}

// of returns what is cut of a NIC, as connections of a zone.
func (t *tombs) of(nic string, zone uint16, now time.Time) (conns []unixctl.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, end := range t.byNIC[nic] {
		if now.Before(end) {
			conns = append(conns, k.in(zone, end.Sub(now)))
		}
	}
	return conns
}

// nics returns the NICs that something is cut of.
func (t *tombs) nics() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string]int, len(t.byNIC))
	for nic, kept := range t.byNIC {
		out[nic] = len(kept)
	}
	return out
}

// len is how many connections are remembered.
func (t *tombs) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

func reversed(t unixctl.Tuple) unixctl.Tuple {
	t.Src, t.Dst, t.SPort, t.DPort = t.Dst, t.Src, t.DPort, t.SPort
	return t
}
