package lasthour

import (
	"time"

	"github.com/ringfence/ringfence/inquiry"
)

// look is what a host told of one NIC's drops when it was asked last.
type look struct {
	at     time.Time // by the host's clock
	totals map[inquiry.DropTotal]uint64
}

// lookLasts is for how long a host's counters go on after somebody asked, and some
// more. After that they may have begun anew, or been somebody else's for a while:
// what they show first then is not taken for new.
const lookLasts = 15 * time.Second

// maxLooks bounds the NICs of which it is kept what was told last, of some hundred
// bytes each.
const maxLooks = 16384

// Dropped notes a host's answer about the drops of an account's NICs, of a moment by
// the host's clock. The totals are since somebody began to look.
func (b *Book) Dropped(name string, at time.Time, nics []string, totals []inquiry.DropTotal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	step := stepOf(b.now())
	a := b.account(name, step)
	now := map[string]map[inquiry.DropTotal]uint64{}
	for _, t := range totals {
		if now[t.NIC] == nil {
			now[t.NIC] = map[inquiry.DropTotal]uint64{}
		}
		now[t.NIC][inquiry.DropTotal{Direction: t.Direction, Reason: t.Reason}] += t.Packets
	}
	var more uint64
	for _, nic := range nics {
		before, looked := b.looks[nic]
		if looked && !at.After(before.at) {
			continue // an answer that was overtaken
		}
		if looked && at.Sub(before.at) <= lookLasts {
			for what, n := range now[nic] {
				if was := before.totals[what]; n >= was {
					n -= was
				}
				more += n
			}
		}
		if !looked && len(b.looks) >= maxLooks {
			clear(b.looks) // some drops are not counted for it
		}
		b.looks[nic] = look{at, now[nic]}
	}
	sum, _ := a.drops.at(step)
	a.drops.set(step, sum+more)
}
