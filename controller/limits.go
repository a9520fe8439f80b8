package controller

import (
	"context"
	"fmt"

	"github.com/ringfence/ringfence/unixctl"
)

// limits keeps the connections of each NIC in bounds, so that one VM cannot use
// up the connection table for the others. Each zone gets a limit of its own:
// the userspace datapath counts those without one together.
type limits struct {
	most uint32 // connections of a NIC; 0: no limit
	set  func(ctx context.Context, zones ...unixctl.ZoneLimit) error

	done map[uint16]bool // zones limited since ovs-vswitchd began
}

// apply limits the zones in use that are not limited yet. A zone that falls out
// of use keeps its limit: its next NIC has the same.
func (l *limits) apply(ctx context.Context, zones map[uint16]string) error {
	if l.most == 0 {
		return nil
	}
	var fresh []unixctl.ZoneLimit
	for zone := range zones {
		if !l.done[zone] {
			fresh = append(fresh, unixctl.ZoneLimit{Zone: zone, Limit: l.most})
		}
	}
	if err := l.set(ctx, fresh...); err != nil {
		return fmt.Errorf("limit the connections of %d NICs: %w", len(fresh), err)
	}
	if l.done == nil {
		l.done = make(map[uint16]bool, len(fresh))
	}
	for _, z := range fresh {
		l.done[z.Zone] = true
	}
	return nil
}

// forget: ovs-vswitchd may have been restarted, and knows no limits then.
func (l *limits) forget() { l.done = nil }
