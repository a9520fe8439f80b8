package controller

import (
	"context"
	"fmt"
	"maps"

	"github.com/ringfence/ringfence/unixctl"
)

// limits keeps the connections of each NIC in bounds, so that one VM cannot use
// up the connection table for the others. Each zone gets a limit of its own:
// the userspace datapath counts those without one together.
type limits struct {
	most uint32 // connections of a NIC; 0: no limit
	set  func(ctx context.Context, zones ...unixctl.ZoneLimit) error

	done map[uint16]struct{} // zones limited since ovs-vswitchd began
	owed map[uint16]struct{} // zones that are not yet
}

// apply limits zones that are in use, unless they are limited already, and those
// that could not be limited before. A zone that falls out of use keeps its limit:
// its next NIC has the same.
func (l *limits) apply(ctx context.Context, zones ...uint16) error {
	if l.most == 0 {
		return nil
	}
	if l.done == nil {
		l.done, l.owed = map[uint16]struct{}{}, map[uint16]struct{}{}
	}
	for _, zone := range zones {
		if _, done := l.done[zone]; !done {
			l.owed[zone] = struct{}{}
		}
	}
	if len(l.owed) == 0 {
		return nil
	}
	fresh := make([]unixctl.ZoneLimit, 0, len(l.owed))
	for zone := range l.owed {
		fresh = append(fresh, unixctl.ZoneLimit{Zone: zone, Limit: l.most})
	}
	if err := l.set(ctx, fresh...); err != nil {
		return fmt.Errorf("limit the connections of %d NICs: %w", len(fresh), err)
	}
	maps.Copy(l.done, l.owed)
	l.owed = map[uint16]struct{}{}
	return nil
}

// forget is called for each new connection: ovs-vswitchd may have been restarted, and
// knows no limits then. The caller names all zones in use again.
func (l *limits) forget() { l.done, l.owed = nil, nil }
