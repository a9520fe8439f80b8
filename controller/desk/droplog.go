package desk

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
)

// dropsRetention is how many kinds of packets are remembered for one NIC; the one
// that was silent longest gives way.
const dropsRetention = 256

// droplog is what is known of the packets that were dropped.
type droplog struct {
	mu   sync.Mutex
	nics map[string]map[dropKey]*inquiry.Drop
}

// dropKey tells kinds of packets apart.
type dropKey struct {
	reason ofrules.DropReason
	egress bool
	frame  inquiry.Frame
}

// add takes note of a packet.
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
			delete(of, silentest(of))
		}
		d = &inquiry.Drop{NIC: nic, Direction: directionOf(r.Egress), Reason: r.Drop.String(), Detail: r.Drop.Detail(), Frame: f, First: now}
		of[k] = d
	}
	d.Count++
	d.Last = now
}

func silentest(of map[dropKey]*inquiry.Drop) (k dropKey) {
	var at time.Time
	for other, d := range of {
		if at.IsZero() || d.Last.Before(at) {
			k, at = other, d.Last
		}
	}
	return k
}

// since lists what came later than a time, of some NICs.
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

// forget drops what is known of a NIC that nobody looks at.
func (l *droplog) forget(nic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.nics, nic)
}

// sortDrops puts the latest first.
func sortDrops(drops []inquiry.Drop) {
	slices.SortFunc(drops, func(a, b inquiry.Drop) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.NIC, b.NIC), cmp.Compare(a.Reason, b.Reason),
			a.Packet.Src.Compare(b.Packet.Src), a.Packet.Dst.Compare(b.Packet.Dst), cmp.Compare(a.Packet.DstPort, b.Packet.DstPort))
	})
}
