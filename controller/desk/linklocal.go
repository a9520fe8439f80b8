package desk

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// linkLocalRetention is for how long after the last such packet a NIC is reported to send
// from a link-local address that is not its own. It is so long because a guest that gets no
// answer tries ever more rarely (RFC 8415 §7.6: once an hour in the end).
const linkLocalRetention = time.Hour

// linkLocals counts the packets that NICs send from link-local addresses that are not their
// own, which are dropped for that reason. It has counts of plugged NICs alone. Only the
// goroutine that reads the counters uses it.
type linkLocals struct {
	report func(map[string]uint64) // is given the packets of each NIC that sent any

	last map[linkLocalFlow]uint64 // counters as they were read last
	nics map[string]linkLocalSum
}

// linkLocalFlow identifies a flow that counts such packets, also after it was removed and
// added again.
type linkLocalFlow struct {
	table  uint8
	prio   uint16
	ofport uint32
}

// linkLocalCount is the counter of such a flow.
type linkLocalCount struct {
	packets  uint64
	lastSeen time.Time
}

// linkLocalSum is how many such packets a NIC sent while its addresses were the same.
type linkLocalSum struct {
	packets   uint64
	lastSeen  time.Time // of the last one
	addresses string    // its addresses meanwhile
}

// add adds what the counters have grown by since the last reading, and reports the sums.
// counters has the flows whose counter is not 0, and own the NICs at their ofports.
func (l *linkLocals) add(now time.Time, counters map[linkLocalFlow]linkLocalCount, own map[uint32]linkLocalOwner) {
	nics := make(map[string]linkLocalSum, len(own))
	for _, o := range own {
		// When a NIC's addresses change, its count begins anew: the packets of before may
		// have been from an address that is its own now.
		sum := l.nics[o.nic]
		if sum.addresses != o.addresses || now.Sub(sum.lastSeen) >= linkLocalRetention {
			sum = linkLocalSum{addresses: o.addresses}
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
		if !plugged || known && was.addresses != o.addresses || c.packets == before || now.Sub(c.lastSeen) >= linkLocalRetention {
			continue
		}
		sum := nics[o.nic]
		sum.packets += c.packets - before
		if c.lastSeen.After(sum.lastSeen) {
			sum.lastSeen = c.lastSeen
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
	l.report(told)
}

// linkLocalOwner is a NIC with its addresses as addressesOf writes them.
type linkLocalOwner struct{ nic, addresses string }

// countLinkLocals reads the counters of the flows that drop such packets, and adds them up.
// Besides the flows that are always there these are those of drop watches, which have a
// higher priority and drop the packets in their stead.
func (d *Desk) countLinkLocals(ctx context.Context) error {
	conn := d.sw.Conn()
	if conn == nil {
		return errNoSwitch
	}
	value, mask := ofrules.KindLinkLocal.Cookie()
	stats, err := conn.Dump(ctx, value, mask)
	if err == nil && d.watch.countNICs() > 0 {
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

// addressesOf returns all addresses that a NIC may send from, as a text that can be compared.
func addressesOf(n *secgroup.NIC) (text string) {
	for _, a := range n.Addresses {
		text += a.String() + " "
	}
	for _, p := range n.AllowedAddresses {
		text += p.String() + " "
	}
	return text + n.MAC.String()
}

// runLinkLocals calls countLinkLocals every Config.Every until ctx ends.
func (d *Desk) runLinkLocals(ctx context.Context) error {
	return d.readAgain(ctx, "link-local addresses not counted", d.countLinkLocals)
}
