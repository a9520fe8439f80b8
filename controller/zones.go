package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ringfence/ringfence/ovsdb"
)

// zoneKey is the Interface external_ids key that keeps a NIC's conntrack zone,
// "<zone>/<nic>", over restarts of the controller and of ovs-vswitchd. The NIC
// stands in it so that an interface given to another NIC gets another zone.
const zoneKey = "ringfence-zone"

// maxZone is the highest conntrack zone; 0 is everybody's.
const maxZone = 1<<16 - 1

// zones gives every plugged NIC a conntrack zone of its own.
//
//	free ── assign: flush ──► a NIC's ── its NIC left ──► leaving ── freed ──► free
//
// A zone that a NIC left stays leaving until its flows are gone, cached
// megaflows too, and it was flushed: as long as a packet may still be tracked in
// it, it cannot be another NIC's.
type zones struct {
	keep  func(ctx context.Context, ids map[string]string) error // value of zoneKey by interface
	flush func(ctx context.Context, zone uint16) error

	mu      sync.Mutex // of leaving
	leaving map[uint16]struct{}

	byNIC map[string]uint16
	wrote map[string]written // what was written to interfaces that do not show it yet
	owing bool               // a row lacks its NIC's zone, and could not be written
}

// written is a value of zoneKey that a row was given.
type written struct {
	row   ovsdb.UUID
	value string
}

// assign gives zones to NICs that came and takes back those of NICs that left.
// It returns the zone of each NIC, which of them are new to it, and why others
// got none.
func (z *zones) assign(ctx context.Context, claims []claim) (byNIC map[string]uint16, fresh []string, failed map[string]error) {
	leaving := map[uint16]struct{}{}
	for _, zone := range z.left() {
		leaving[zone] = struct{}{}
	}

	byNIC, failed = map[string]uint16{}, map[string]error{}
	used := map[uint16]bool{0: true}
	var homeless []claim
	for _, c := range claims {
		zone, ok := z.byNIC[c.nic]
		if !ok {
			zone, ok = parseZone(c.iface)
		}
		if _, busy := leaving[zone]; !ok || busy || used[zone] {
			homeless = append(homeless, c)
			continue
		}
		used[zone] = true
		byNIC[c.nic] = zone
	}
	for nic, zone := range z.byNIC {
		if _, still := byNIC[nic]; !still && !used[zone] {
			z.leave(zone)
			leaving[zone] = struct{}{}
		}
	}
	fresh = z.settle(ctx, homeless, byNIC, failed, func(zone uint16) bool {
		_, busy := leaving[zone]
		return busy || used[zone]
	})
	z.byNIC = byNIC
	z.rewrite(ctx, claims, fresh)
	return byNIC, fresh, failed
}

// rewrite writes the zones of NICs that kept theirs (those of fresh ones were
// written just now) to the rows that they are at
// now: a row that was made anew, or that another NIC was at, in one transaction
// of the database, does not have it, and the next run would give the NIC another
// zone.
func (z *zones) rewrite(ctx context.Context, claims []claim, fresh []string) {
	ids, wrote := map[string]string{}, map[string]written{}
	for _, c := range claims {
		zone, has := z.byNIC[c.nic]
		value := zoneValue(zone, c.nic)
		if !has || c.iface.ExternalIDs[zoneKey] == value {
			continue
		}
		w := written{c.iface.UUID, value}
		wrote[c.iface.Name] = w
		if _, settled := slices.BinarySearch(fresh, c.nic); !settled && z.wrote[c.iface.Name] != w {
			ids[c.iface.Name] = value
		}
	}
	z.wrote, z.owing = wrote, false
	if len(ids) == 0 {
		return
	}
	if err := z.keep(ctx, ids); err != nil {
		z.owing = true
		for name := range ids {
			delete(z.wrote, name)
		}
	}
}

// zoneValue is the value of zoneKey.
func zoneValue(zone uint16, nic string) string { return fmt.Sprintf("%d/%s", zone, nic) }

// settle gives new zones to NICs that have none.
func (z *zones) settle(ctx context.Context, homeless []claim, byNIC map[string]uint16, failed map[string]error, taken func(uint16) bool) (fresh []string) {
	ids, got := map[string]string{}, map[string]uint16{}
	next := uint16(1)
	for _, c := range homeless {
		for next < maxZone && taken(next) {
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
	maps.Copy(byNIC, got)
	return slices.Sorted(maps.Keys(got))
}

func (z *zones) leave(zone uint16) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.leaving == nil {
		z.leaving = map[uint16]struct{}{}
	}
	z.leaving[zone] = struct{}{}
}

// left returns the zones that nobody has any more, and that are not free yet.
func (z *zones) left() []uint16 {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Sorted(maps.Keys(z.leaving))
}

// freed says that zones are flushed and that nothing is tracked in them.
func (z *zones) freed(zones []uint16) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, zone := range zones {
		delete(z.leaving, zone)
	}
}

// parseZone reads what a former run kept for the NIC that is plugged now.
func parseZone(i ovsdb.Interface) (uint16, bool) {
	number, nic, ok := strings.Cut(i.ExternalIDs[zoneKey], "/")
	zone, err := strconv.ParseUint(number, 10, 16)
	return uint16(zone), ok && nic == i.IfaceID && err == nil && zone != 0
}
