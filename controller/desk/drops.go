package desk

import (
	"cmp"
	"context"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
)

// maxLook is the longest time for which one question has a NIC's drops watched.
const maxLook = time.Minute

// drops lists the packets of NICs that were dropped while their drops were watched, and has
// them watched from now on for as long as the question says. So the first answer is empty,
// unless somebody else has been looking.
func (d *Desk) drops(ctx context.Context, q inquiry.DropsQuestion) (inquiry.DropsAnswer, error) {
	answer := inquiry.DropsAnswer{Applied: d.host.Applied(), Now: time.Now().UTC(), Drops: []inquiry.Drop{}, Totals: []inquiry.DropTotal{}}
	conn := d.sw.Conn()
	if conn == nil {
		return answer, errNoSwitch
	}
	if err := d.watch.watchFor(ctx, q.NICs, min(time.Duration(q.Seconds)*time.Second, maxLook)); err != nil {
		return answer, err
	}
	answer.Rate = watchRate(d.watch.countNICs())
	stats, err := conn.Dump(ctx, ofrules.WatchCookie, ofrules.KindMask)
	if err != nil {
		return answer, err
	}
	nics := map[string]bool{}
	for _, nic := range q.NICs {
		nics[nic] = true
	}
	answer.Totals = append(answer.Totals, d.watch.totals(nics, stats)...)
	all := d.watch.drops.since(q.NICs, q.Since)
	sortDrops(all)
	limit := min(cmp.Or(q.Limit, maxListed), maxListed)
	answer.Truncated = len(all) > limit
	answer.Drops = append(answer.Drops, all[:min(len(all), limit)]...)
	return answer, nil
}

// locate returns at which ofports NICs are plugged. It goes by the local database, which
// also has those NICs whose flows are not installed yet.
func (d *Desk) locate(nics []string) map[string]location {
	out := map[string]location{}
	d.host.Plugged(func(i Interfaces) {
		for _, nic := range nics {
			if port := i.OFPort(nic); port != 0 {
				out[nic] = location{port: port}
			}
		}
	})
	d.host.Compiled(func(c Compiled, _ uint32) {
		for nic, w := range out {
			w.hasFlows = c.Installed(nic) && c.Port(nic).OFPort == w.port
			out[nic] = w
		}
	})
	return out
}
