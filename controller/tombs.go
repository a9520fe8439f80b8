package controller

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

// remembered tells whether a connection is worth it: of ICMP only the end that
// asks begins anything.
func remembered(c unixctl.Conn) bool { return !isICMP(c) }

// keep notes that a connection is cut, as of now.
func (t *tombs) keep(nic string, c unixctl.Conn, now time.Time) {
	if !remembered(c) {
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

// forget notes that a connection is not cut any more.
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

// meet compares what is remembered of a NIC with the connections that its zone
// has, and returns those that are cut no longer although their time is not over:
// the other end, or the same one, began anew.
func (t *tombs) meet(nic string, conns []unixctl.Conn, now time.Time) (lost []unixctl.Conn) {
	for _, c := range conns {
		if ofrules.IsCut(c.Labels) {
			t.keep(nic, c, now)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range conns {
		k := tomb{c.Proto, reversed(c.Orig)}
		if end, known := t.byNIC[nic][k]; known && now.Before(end) && !ofrules.IsCut(c.Labels) {
			c.Orig, c.Reply = c.Reply, c.Orig
			lost = append(lost, c)
		}
	}
	for k, end := range t.byNIC[nic] {
		if now.After(end) {
			t.remove(nic, k)
		}
	}
	return lost
}

// of returns what is cut of a NIC, as connections of a zone.
func (t *tombs) of(nic string, zone uint16, now time.Time) (conns []unixctl.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, end := range t.byNIC[nic] {
		if now.Before(end) {
			conns = append(conns, unixctl.Conn{Proto: k.proto, Zone: zone, Orig: k.orig, Reply: reversed(k.orig), Timeout: end.Sub(now)})
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
