package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/ovsdb"
)

// zoneKey is the Interface external_ids key that keeps a NIC's conntrack zone,
// "<zone>/<nic>", over restarts of the controller and of ovs-vswitchd. The NIC
// stands in it so that an interface given to another NIC gets another zone.
const zoneKey = "ringfence-zone"

// zoneIDWritten is a value of zoneKey that was written to a row.
type zoneIDWritten struct {
	row   ovsdb.UUID
	value string
}

// rewrite writes zones to rows of NICs that lack them: if a row was replaced, or given to
// another NIC, in one transaction of the database, the NIC keeps its zone but its row does
// not have it, and the next run would give the NIC another zone. The rows of fresh NICs
// were written by allocate.
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

// parseZone reads what a former run kept for the NIC that is plugged now.
func parseZone(i ovsdb.Interface) (uint16, bool) {
	number, nic, ok := strings.Cut(i.ExternalIDs[zoneKey], "/")
	zone, err := strconv.ParseUint(number, 10, 16)
	return uint16(zone), ok && nic == i.IfaceID && err == nil && zone != 0 && zone < maxZone
}
