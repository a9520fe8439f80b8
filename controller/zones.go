package controller

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/ovsdb"
)

// zoneKey is the Interface external_ids key that keeps a NIC's conntrack zone,
// "<zone>/<nic>", over restarts of the controller and of ovs-vswitchd. The NIC
// stands in it so that an interface given to another NIC gets another zone.
const zoneKey = "ringfence-zone"

// maxZone is the highest conntrack zone; 0 is everybody's.
const maxZone = 1<<16 - 1

// zones gives every plugged NIC a conntrack zone of its own.
type zones struct {
	keep  func(ctx context.Context, iface string, ids map[string]string) error // in the database
	flush func(ctx context.Context, zone uint16) error

	byNIC map[string]uint16
}

// plugged is a NIC that is plugged, and where.
type plugged struct {
	ofport uint32
	err    string // why it gets no flows
}

// assign gives zones to NICs that came and takes back those of NICs that left.
// The first interface by name speaks for a NIC; a second one gets nothing.
func (z *zones) assign(ctx context.Context, ifaces []ovsdb.Interface) (map[string]ofrules.Port, map[string]plugged, error) {
	nics := map[string]plugged{}
	ports := map[string]ofrules.Port{}
	kept := map[string]uint16{}
	used := map[uint16]bool{0: true}
	var fresh []ovsdb.Interface
	for _, i := range ifaces {
		if i.IfaceID == "" {
			continue
		}
		if _, twice := nics[i.IfaceID]; twice {
			p := nics[i.IfaceID]
			p.err = fmt.Sprintf("interface %s claims the NIC too", i.Name)
			nics[i.IfaceID] = p
			continue
		}
		nics[i.IfaceID] = plugged{ofport: i.OFPort, err: i.Error}
		zone, ok := z.byNIC[i.IfaceID]
		if !ok {
			zone, ok = parseZone(i)
		}
		if !ok || used[zone] {
			fresh = append(fresh, i)
			continue
		}
		used[zone] = true
		kept[i.IfaceID] = zone
	}
	for nic, zone := range z.byNIC {
		if _, still := kept[nic]; !still && !used[zone] {
			if err := z.flush(ctx, zone); err != nil {
				return nil, nil, fmt.Errorf("zone %d of unplugged NIC %s: %w", zone, nic, err)
			}
		}
	}
	next := uint16(1)
	for _, i := range fresh {
		for used[next] {
			if next == maxZone {
				return nil, nil, fmt.Errorf("NIC %s: all %d conntrack zones are taken", i.IfaceID, maxZone)
			}
			next++
		}
		// What a former user of the zone left must not pass as established.
		if err := z.flush(ctx, next); err != nil {
			return nil, nil, fmt.Errorf("zone %d for NIC %s: %w", next, i.IfaceID, err)
		}
		if err := z.keep(ctx, i.Name, map[string]string{zoneKey: fmt.Sprintf("%d/%s", next, i.IfaceID)}); err != nil {
			return nil, nil, fmt.Errorf("zone %d for NIC %s: %w", next, i.IfaceID, err)
		}
		used[next] = true
		kept[i.IfaceID] = next
	}
	z.byNIC = kept
	for id, p := range nics {
		if p.ofport != 0 {
			ports[id] = ofrules.Port{OFPort: p.ofport, Zone: kept[id]}
		}
	}
	return ports, nics, nil
}

// parseZone reads what a former run kept for the NIC that is plugged now.
func parseZone(i ovsdb.Interface) (uint16, bool) {
	number, nic, ok := strings.Cut(i.ExternalIDs[zoneKey], "/")
	zone, err := strconv.ParseUint(number, 10, 16)
	return uint16(zone), ok && nic == i.IfaceID && err == nil && zone != 0
}
