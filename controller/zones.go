package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxZone is the highest conntrack zone, which no NIC gets; 0 is everybody's.
const maxZone = 1<<16 - 1

// zoneGrace is how long a zone is kept for a NIC that left. A tap that is plugged again
// is back sooner, and the VM's connections go on.
const zoneGrace = 30 * time.Second

// zones gives every plugged NIC a conntrack zone of its own.
//
//	free ── allocate: flush ──► a NIC's ── vacate ──► leaving ── vacated ──► freed ──► free
//	                                ▲                    │
//	                                └───── reclaim ──────┘
//
// A zone that a NIC left is kept for it for a grace time, and after that until the NIC's
// flows and their cached megaflows are gone and the zone was flushed: as long as a packet
// may still be tracked in it, it cannot be given to another NIC.
type zones struct {
	grace time.Duration                                          // for a NIC that left
	write func(ctx context.Context, ids map[string]string) error // value of zoneKey by interface
	flush func(ctx context.Context, zone uint16) error

	mu      sync.Mutex           // of leaving and low
	leaving map[uint16]formerNIC // zones between vacate and freed

	byNIC     map[string]uint16
	used      map[uint16]string        // the NIC of each zone
	lowFree   uint16                   // no free zone is below it
	written   map[string]zoneIDWritten // by NIC, what was written to its row and is not seen there yet
	unwritten map[string]bool          // NICs whose row lacks their zone, and could not be written
}

// formerNIC is the NIC that left a zone.
type formerNIC struct {
	nic      string
	until    time.Time // the zone is kept for it
	flushing bool      // it is about to be flushed
}

// update gives zones to NICs that came and vacates those of NICs that are gone; claims are
// the NICs of which something may have changed. It returns which of them got a new zone,
// which got their former one back, and why others got none.
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

// withoutClaim returns the NICs that have a zone and are not among claims.
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

// inUse reports whether a zone is a NIC's or is leaving.
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

// allocate gives free zones to NICs that have none, flushed and written to their rows. It
// returns those NICs, sorted, and adds to failed why others got none.
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

// lowestFree is where to begin to look for a free zone.
func (z *zones) lowestFree() uint16 {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.lowFree
}

// setLowestFree notes that all zones below one are in use.
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

// reclaim returns the zone that is kept for a NIC, if there is one. It is not leaving any
// more then.
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

// vacated returns the zones to be flushed, whose grace time is over, until freed is called
// for them; and after which time there will be more, 0 for never.
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

// freed is called when zones were flushed and nothing can be tracked in them any more: they
// can be given to other NICs.
func (z *zones) freed(zones []uint16) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, zone := range zones {
		delete(z.leaving, zone)
		z.lowFree = min(z.lowFree, zone)
	}
}
