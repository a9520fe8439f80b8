package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/ovsdb"
)

// zoneKey is the Interface external_ids key that keeps a NIC's conntrack zone,
// "<zone>/<nic>", over restarts of the controller and of ovs-vswitchd. The NIC
// stands in it so that an interface given to another NIC gets another zone.
const zoneKey = "ringfence-zone"

// maxZone is the highest conntrack zone, which no NIC gets; 0 is everybody's.
const maxZone = 1<<16 - 1

// zoneGrace is how long a zone is kept for a NIC that left. Who plugs a tap anew
// takes less, and the VM's connections go on.
const zoneGrace = 30 * time.Second

// zones gives every plugged NIC a conntrack zone of its own.
//
//	free ── change: flush ──► a NIC's ── its NIC left ──► leaving ── left ──► freed ──► free
//	                              ▲                          │
//	                              └────── its NIC came back ─┘
//
// A zone that a NIC left stays leaving for a while, and then until its flows are
// gone, cached megaflows too, and it was flushed: as long as a packet may still be
// tracked in it, it cannot be another NIC's.
type zones struct {
	grace time.Duration                                          // for a NIC that left
	write func(ctx context.Context, ids map[string]string) error // value of zoneKey by interface
	flush func(ctx context.Context, zone uint16) error

	mu      sync.Mutex // of leaving and low
	leaving map[uint16]formerNIC

	byNIC     map[string]uint16
	used      map[uint16]string        // the NIC of each zone
	lowFree   uint16                   // no free zone is below it
	written   map[string]zoneIDWritten // what was written for NICs whose rows do not show it yet
	unwritten map[string]bool          // NICs whose row lacks their zone, and could not be written
}

// zoneIDWritten is a value of zoneKey that a row was given.
type zoneIDWritten struct {
	row   ovsdb.UUID
	value string
}

// formerNIC is the NIC that a zone was left by.
type formerNIC struct {
	nic      string
	until    time.Time // the zone is kept for it
	flushing bool      // it is about to be flushed
}

// update gives zones to NICs that came and takes back those of NICs that are
// gone; claims are the NICs of which something may be different. It returns which
// of them are new to their zone, which are back in it, and why others got none.
func (z *zones) update(ctx context.Context, claims []claim, gone []string) (fresh, back []string, failed map[string]error) {
	if z.byNIC == nil {
		z.byNIC, z.used, z.written, z.unwritten = map[string]uint16{}, map[uint16]string{}, map[string]zoneIDWritten{}, map[string]bool{}
	}
	for _, nic := range gone {
		delete(z.written, nic)
		delete(z.unwritten, nic)
		if zone, ok := z.byNIC[nic]; ok {
			delete(z.byNIC, nic)
			delete(z.used, zone)
			z.vacate(zone, nic)
		}
	}
	failed = map[string]error{}
	var homeless []claim
	for _, c := range claims {
		if _, has := z.byNIC[c.nic]; has {
			continue
		}
		if zone, kept := z.reclaim(c.nic); kept {
			z.give(c.nic, zone)
			back = append(back, c.nic)
		} else if zone, kept := parseZone(c.iface); kept && !z.inUse(zone) {
			z.give(c.nic, zone)
		} else {
			homeless = append(homeless, c)
		}
	}
	fresh = z.allocate(ctx, homeless, failed)
	z.rewrite(ctx, claims, fresh)
	return fresh, back, failed
}

// withoutClaim returns the NICs with a zone that are not among claims.
func (z *zones) withoutClaim(claims []claim) (nics []string) {
	there := make(map[string]bool, len(claims))
	for _, c := range claims {
		there[c.nic] = true
	}
	for nic := range z.byNIC {
		if !there[nic] {
			nics = append(nics, nic)
		}
	}
	return nics
}

// inUse tells whether a zone is a NIC's, or was until a moment ago.
func (z *zones) inUse(zone uint16) bool {
	if _, used := z.used[zone]; used || zone == 0 {
		return true
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	_, busy := z.leaving[zone]
	return busy
}

func (z *zones) give(nic string, zone uint16) { z.byNIC[nic], z.used[zone] = zone, nic }

// rewrite writes the zones of NICs that kept theirs (those of fresh ones were
// written just now) to the rows that they are at now: a row that was made anew,
// or that another NIC was at, in one transaction of the database, does not have
// it, and the next run would give the NIC another zone.
func (z *zones) rewrite(ctx context.Context, claims []claim, fresh []string) {
	ids, wrote := map[string]string{}, map[string]zoneIDWritten{}
	for _, c := range claims {
		zone, has := z.byNIC[c.nic]
		value := zoneValue(zone, c.nic)
		was := z.written[c.nic]
		delete(z.written, c.nic)
		delete(z.unwritten, c.nic)
		if !has || c.iface.ExternalIDs[zoneKey] == value {
			continue
		}
		w := zoneIDWritten{c.iface.UUID, value}
		if _, settled := slices.BinarySearch(fresh, c.nic); settled || was == w {
			z.written[c.nic] = w
			continue
		}
		ids[c.iface.Name], wrote[c.nic] = value, w
	}
	if len(ids) == 0 {
		return
	}
	if err := z.write(ctx, ids); err != nil {
		for nic := range wrote {
			z.unwritten[nic] = true
		}
		return
	}
	maps.Copy(z.written, wrote)
}

// zoneValue is the value of zoneKey.
func zoneValue(zone uint16, nic string) string { return fmt.Sprintf("%d/%s", zone, nic) }

// allocate gives new zones to NICs that have none.
func (z *zones) allocate(ctx context.Context, homeless []claim, failed map[string]error) (fresh []string) {
	ids, got := map[string]string{}, map[string]uint16{}
	next := max(z.lowestFree(), 1)
	for _, c := range homeless {
		for next < maxZone && z.inUse(next) {
			next++
		}
		if next == maxZone {
			failed[c.nic] = fmt.Errorf("all %d conntrack zones are taken", maxZone-1)
			continue
		}
		// What a former run left in it must not pass as established.
		if err := z.flush(ctx, next); err != nil {
			failed[c.nic] = fmt.Errorf("conntrack zone: %w", err)
			continue
		}
		ids[c.iface.Name] = zoneValue(next, c.nic)
		got[c.nic] = next
		next++
	}
	if len(ids) == 0 {
		return nil
	}
	if err := z.write(ctx, ids); err != nil {
		for nic := range got {
			failed[nic] = fmt.Errorf("conntrack zone: %w", err)
		}
		return nil
	}
	for nic, zone := range got {
		z.give(nic, zone)
	}
	z.setLowestFree(next)
	return slices.Sorted(maps.Keys(got))
}

// lowestFree is where to look for a free zone.
func (z *zones) lowestFree() uint16 {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.lowFree
}

// setLowestFree says that all zones below one are taken.
func (z *zones) setLowestFree(zone uint16) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.lowFree = zone
}

func (z *zones) vacate(zone uint16, nic string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.leaving == nil {
		z.leaving = map[uint16]formerNIC{}
	}
	z.leaving[zone] = formerNIC{nic: nic, until: time.Now().Add(z.grace)}
}

// reclaim takes the zone out of those leaving that is kept for a NIC.
func (z *zones) reclaim(nic string) (zone uint16, kept bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for zone, l := range z.leaving {
		if l.nic == nic && !l.flushing {
			delete(z.leaving, zone)
			return zone, true
		}
	}
	return 0, false
}

// vacated returns the zones that nobody has any more, and that are not free yet: they
// are to be flushed. It says when there are more, 0 for never.
func (z *zones) vacated() (zones []uint16, more time.Duration) {
	z.mu.Lock()
	defer z.mu.Unlock()
	now := time.Now()
	for zone, l := range z.leaving {
		wait := l.until.Sub(now)
		switch {
		case l.flushing || wait <= 0:
			l.flushing = true
			z.leaving[zone] = l
			zones = append(zones, zone)
		case more == 0 || wait < more:
			more = wait
		}
	}
	slices.Sort(zones)
	return zones, more
}

// freed says that zones are flushed and that nothing is tracked in them.
func (z *zones) freed(zones []uint16) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, zone := range zones {
		delete(z.leaving, zone)
		z.lowFree = min(z.lowFree, zone)
	}
}

// parseZone reads what a former run kept for the NIC that is plugged now.
func parseZone(i ovsdb.Interface) (uint16, bool) {
	number, nic, ok := strings.Cut(i.ExternalIDs[zoneKey], "/")
	zone, err := strconv.ParseUint(number, 10, 16)
	return uint16(zone), ok && nic == i.IfaceID && err == nil && zone != 0 && zone < maxZone
}
