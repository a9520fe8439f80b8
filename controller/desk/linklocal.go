package desk

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// linkLocalRetention is for how long it is told that packets from link-local addresses
// of no NIC were dropped, after the last one: a guest that gets no answer asks
// ever more rarely (RFC 8415 §7.6: once an hour in the end).
const linkLocalRetention = time.Hour

// linkLocals counts what NICs send from link-local addresses that are not their
// own, and is dropped for it. What it has is of NICs that are plugged. Only the
// goroutine that counts uses it.
type linkLocals struct {
	told func(map[string]uint64) // takes the packets of each NIC that sent any

	last map[linkLocalFlow]uint64 // counters as they were read last
	nics map[string]linkLocalSum
}

// linkLocalFlow is a flow that counts, and stays the same when it is put in place
// anew.
type linkLocalFlow struct {
	table  uint8
	prio   uint16
	ofport uint32
}

// linkLocalCount is what such a flow has counted, until when.
type linkLocalCount struct {
	packets uint64
	at      time.Time
}

// linkLocalSum is what a NIC sent.
type linkLocalSum struct {
	packets uint64
	at      time.Time // of the last one
	own     string    // its addresses meanwhile
}

// add takes the present counters that are not 0; own has the NICs behind them, by
// ofport.
func (l *linkLocals) add(now time.Time, counters map[linkLocalFlow]linkLocalCount, own map[uint32]linkLocalOwner) {
	nics := make(map[string]linkLocalSum, len(own))
	for _, o := range own {
		// What was sent before the addresses were mended, or maybe was, is forgotten.
		sum := l.nics[o.nic]
		if sum.own != o.addresses || now.Sub(sum.at) >= linkLocalRetention {
			sum = linkLocalSum{own: o.addresses}
		}
		nics[o.nic] = sum
	}
	last := make(map[linkLocalFlow]uint64, len(counters))
	for flow, c := range counters {
		last[flow] = c.packets
		before := l.last[flow]
		if c.packets < before {
			before = 0 // it was put in place anew, and counts from 0
		}
		o, plugged := own[flow.ofport]
		was, known := l.nics[o.nic]
		if !plugged || known && was.own != o.addresses || c.packets == before || now.Sub(c.at) >= linkLocalRetention {
			continue
		}
		sum := nics[o.nic]
		sum.packets += c.packets - before
		if c.at.After(sum.at) {
			sum.at = c.at
		}
		nics[o.nic] = sum
	}
	l.last, l.nics = last, nics
	told := map[string]uint64{}
	for nic, sum := range nics {
		if sum.packets > 0 {
			told[nic] = sum.packets
		}
	}
	l.told(told)
}

// linkLocalOwner is a NIC with its addresses.
type linkLocalOwner struct{ nic, addresses string }

// countLinkLocals reads the flows that count them: those that are always there,
// and those of drop watches, which stand above them.
func (d *Desk) countLinkLocals(ctx context.Context) error {
	conn := d.sw.Conn()
	if conn == nil {
		return errNoSwitch
	}
	value, mask := ofrules.KindLinkLocal.Cookie()
	stats, err := conn.Dump(ctx, value, mask)
	if err == nil && d.watch.looked() > 0 {
		var more []wire.FlowStats
		more, err = conn.Dump(ctx, ofrules.WatchCookie, ofrules.KindMask)
		stats = append(stats, more...)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	counters, ports := map[linkLocalFlow]linkLocalCount{}, map[uint32]bool{}
	for _, f := range stats {
		if port, ok := ofrules.CountsLinkLocal(f.Key()); ok && f.Packets > 0 {
			counters[linkLocalFlow{f.Table, f.Priority, port}] = linkLocalCount{f.Packets, now.Add(-f.Idle)}
			ports[port] = true
		}
	}
	nics := map[string]uint32{}
	if len(ports) > 0 {
		d.host.Compiled(func(c Compiled, _ uint32) {
			for nic, at := range c.Ports() {
				if ports[at.OFPort] {
					nics[nic] = at.OFPort
				}
			}
		})
	}
	own := map[uint32]linkLocalOwner{}
	d.host.Share(func(s *span.Share) {
		for nic, port := range nics {
			if n := s.NICs[nic].Record; n != nil {
				own[port] = linkLocalOwner{nic, addressesOf(n)}
			}
		}
	})
	d.linkLocals.add(now, counters, own)
	return nil
}

// addressesOf is all that a NIC may send from, as text.
func addressesOf(n *secgroup.NIC) (text string) {
	for _, a := range n.Addresses {
		text += a.String() + " "
	}
	for _, p := range n.AllowedAddresses {
		text += p.String() + " "
	}
	return text + n.MAC.String()
}

// runLinkLocals counts until ctx ends.
func (d *Desk) runLinkLocals(ctx context.Context) error {
	return d.readAgain(ctx, "link-local addresses not counted", d.countLinkLocals)
}
