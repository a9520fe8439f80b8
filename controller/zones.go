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

// zoneKept is how long a zone is kept for a NIC that left. Who plugs a tap anew
// takes less, and the VM's connections go on.
const zoneKept = 30 * time.Second

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
	kept  time.Duration                                          // for a NIC that left
	keep  func(ctx context.Context, ids map[string]string) error // value of zoneKey by interface
	flush func(ctx context.Context, zone uint16) error

	mu      sync.Mutex // of leaving and low
	leaving map[uint16]leaver

	byNIC map[string]uint16
	used  map[uint16]string  // the NIC of each zone
	low   uint16             // no free zone is below it
	wrote map[string]written // what was written for NICs whose rows do not show it yet
	owed  map[string]bool    // NICs whose row lacks their zone, and could not be written
}

// written is a value of zoneKey that a row was given.
type written struct {
	row   ovsdb.UUID
	value string
}

// leaver is the NIC that a zone was left by.
type leaver struct {
	nic   string
	until time.Time // the zone is kept for it
	over  bool      // it is about to be flushed
}

// change gives zones to NICs that came and takes back those of NICs that are
// gone; claims are the NICs of which something may be different. It returns which
// of them are new to their zone, which are back in it, and why others got none.
func (z *zones) change(ctx context.Context, claims []claim, gone []string) (fresh, back []string, failed map[string]error) {
	if z.byNIC == nil {
		z.byNIC, z.used, z.wrote, z.owed = map[string]uint16{}, map[uint16]string{}, map[string]written{}, map[string]bool{}
	}
	for _, nic := range gone {
		delete(z.wrote, nic)
		delete(z.owed, nic)
		if zone, ok := z.byNIC[nic]; ok {
			delete(z.byNIC, nic)
			delete(z.used, zone)
			z.leave(zone, nic)
		}
	}
	failed = map[string]error{}
	var homeless []claim
	for _, c := range claims {
		if _, has := z.byNIC[c.nic]; has {
			continue
		}
		if zone, kept := z.comeBack(c.nic); kept {
			z.give(c.nic, zone)
			back = append(back, c.nic)
		} else if zone, kept := parseZone(c.iface); kept && !z.inUse(zone) {
			z.give(c.nic, zone)
		} else {
			homeless = append(homeless, c)
		}
	}
	fresh = z.settle(ctx, homeless, failed)
	z.rewrite(ctx, claims, fresh)
	return fresh, back, failed
}

// others returns the NICs with a zone that are not among claims.
func (z *zones) others(claims []claim) (nics []string) {
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
	ids, wrote := map[string]string{}, map[string]written{}
	for _, c := range claims {
		zone, has := z.byNIC[c.nic]
		value := zoneValue(zone, c.nic)
		was := z.wrote[c.nic]
		delete(z.wrote, c.nic)
		delete(z.owed, c.nic)
		if !has || c.iface.ExternalIDs[zoneKey] == value {
			continue
		}
		w := written{c.iface.UUID, value}
		if _, settled := slices.BinarySearch(fresh, c.nic); settled || was == w {
			z.wrote[c.nic] = w
			continue
		}
		ids[c.iface.Name], wrote[c.nic] = value, w
	}
	if len(ids) == 0 {
		return
	}
	if err := z.keep(ctx, ids); err != nil {
		for nic := range wrote {
			z.owed[nic] = true
		}
		return
	}
	maps.Copy(z.wrote, wrote)
}

// zoneValue is the value of zoneKey.
func zoneValue(zone uint16, nic string) string { return fmt.Sprintf("%d/%s", zone, nic) }

// settle gives new zones to NICs that have none.
func (z *zones) settle(ctx context.Context, homeless []claim, failed map[string]error) (fresh []string) {
	ids, got := map[string]string{}, map[string]uint16{}
	next := max(z.lowest(), 1)
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
	if err := z.keep(ctx, ids); err != nil {
		for nic := range got {
			failed[nic] = fmt.Errorf("conntrack zone: %w", err)
		}
		return nil
	}
	for nic, zone := range got {
		z.give(nic, zone)
	}
	z.raise(next)
	return slices.Sorted(maps.Keys(got))
}

// lowest is where to look for a free zone.
func (z *zones) lowest() uint16 {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.low
}

// raise says that all zones below one are taken.
func (z *zones) raise(zone uint16) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.low = zone
}

func (z *zones) leave(zone uint16, nic string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.leaving == nil {
		z.leaving = map[uint16]leaver{}
	}
	z.leaving[zone] = leaver{nic: nic, until: time.Now().Add(z.kept)}
}

// comeBack takes the zone out of those leaving that is kept for a NIC.
func (z *zones) comeBack(nic string) (zone uint16, kept bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for zone, l := range z.leaving {
		if l.nic == nic && !l.over {
			delete(z.leaving, zone)
			return zone, true
		}
	}
	return 0, false
}

// left returns the zones that nobody has any more, and that are not free yet: they
// are to be flushed. It says when there are more, 0 for never.
func (z *zones) left() (zones []uint16, more time.Duration) {
	z.mu.Lock()
	defer z.mu.Unlock()
	now := time.Now()
	for zone, l := range z.leaving {
		wait := l.until.Sub(now)
		switch {
		case l.over || wait <= 0:
			l.over = true
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
		z.low = min(z.low, zone)
	}
}

// parseZone reads what a former run kept for the NIC that is plugged now.
func parseZone(i ovsdb.Interface) (uint16, bool) {
	number, nic, ok := strings.Cut(i.ExternalIDs[zoneKey], "/")
	zone, err := strconv.ParseUint(number, 10, 16)
	return uint16(zone), ok && nic == i.IfaceID && err == nil && zone != 0 && zone < maxZone
}
