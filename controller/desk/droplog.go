package desk

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
)

// dropsRetention is how many kinds of dropped packets are kept for one NIC. When there are
// more, the kind that was seen least recently is forgotten.
const dropsRetention = 256

// droplog counts the dropped packets of watched NICs, by NIC and kind.
type droplog struct {
	mu   sync.Mutex
	nics map[string]map[dropKey]*inquiry.Drop
}

// dropKey is a kind of dropped packets: those with the same reason, direction and headers
// are counted together.
type dropKey struct {
	reason ofrules.DropReason
	egress bool
	frame  inquiry.Frame
}

// add counts one dropped packet.
func (l *droplog) add(nic string, r ofrules.Report, f inquiry.Frame, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nics == nil {
		l.nics = map[string]map[dropKey]*inquiry.Drop{}
	}
	of := l.nics[nic]
	if of == nil {
		of = map[dropKey]*inquiry.Drop{}
		l.nics[nic] = of
	}
	k := dropKey{r.Drop, r.Egress, f}
	d := of[k]
	if d == nil {
		if len(of) >= dropsRetention {
			delete(of, longestSilent(of))
		}
		d = &inquiry.Drop{NIC: nic, Direction: directionOf(r.Egress), Reason: r.Drop.String(), Detail: r.Drop.Detail(), Frame: f, First: now}
		of[k] = d
	}
	d.Count++
	d.Last = now
}

func longestSilent(of map[dropKey]*inquiry.Drop) (k dropKey) {
	var at time.Time
	for other, d := range of {
		if at.IsZero() || d.Last.Before(at) {
			k, at = other, d.Last
		}
	}
	return k
}

// since lists the kinds of which a packet was dropped after a time, of some NICs.
func (l *droplog) since(nics []string, t time.Time) (out []inquiry.Drop) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, nic := range nics {
		for _, d := range l.nics[nic] {
			if d.Last.After(t) {
				out = append(out, *d)
			}
		}
	}
	return out
}

// forget removes all that was counted of a NIC. The watch calls it when nobody looks at the
// NIC any more.
func (l *droplog) forget(nic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.nics, nic)
}

// sortDrops sorts by the time of the last packet, the latest first.
func sortDrops(drops []inquiry.Drop) {
	slices.SortFunc(drops, func(a, b inquiry.Drop) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.NIC, b.NIC), cmp.Compare(a.Reason, b.Reason),
			a.Packet.Src.Compare(b.Packet.Src), a.Packet.Dst.Compare(b.Packet.Dst), cmp.Compare(a.Packet.DstPort, b.Packet.DstPort))
	})
}

func directionOf(egress bool) string {
	if egress {
		return string(secgroup.Egress)
	}
	return string(secgroup.Ingress)
}
