package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/ovsdb"
)

// hostInput is what the bridge says, as the compiler takes it.
type hostInput struct {
	host     ofrules.Host
	claims   []claim           // NICs that are plugged
	zones    map[uint16]string // NIC of each zone in use
	fresh    []string          // NICs that got a zone just now
	problems map[string]string // NICs that get no flows, and why
	again    time.Duration     // when to look again, 0 = no need
}

// host reads the bridge, and gives NICs zones. A NIC that cannot be served does
// not hold up the others.
func (e *engine) host(ctx context.Context, b bridgeState) (hostInput, error) {
	in := hostInput{
		host: ofrules.Host{Name: e.cfg.Host, Ports: map[string]ofrules.Port{}}, claims: claimed(b.Interfaces), problems: map[string]string{},
	}
	relevant := make([]ovsdb.Interface, 0, len(in.claims)+1)
	for _, c := range in.claims {
		relevant = append(relevant, c.iface)
	}
	up := slices.IndexFunc(b.Interfaces, func(i ovsdb.Interface) bool { return i.Name == e.cfg.Uplink })
	if up >= 0 {
		relevant = append(relevant, b.Interfaces[up])
	}
	if err := e.ports.check(ctx, e.conn, relevant); err != nil {
		return in, err
	}
	zones, fresh, failed := e.zones.assign(ctx, in.claims)
	in.fresh, in.zones = fresh, make(map[uint16]string, len(zones))
	for nic, zone := range zones {
		in.zones[zone] = nic
	}
	if e.zones.owing {
		in.again = lookAgain
	}
	for nic, err := range failed {
		in.problems[nic] = err.Error()
		in.again = lookAgain
	}
	for _, c := range in.claims {
		switch zone, ok := zones[c.nic]; {
		case c.iface.OFPort == 0:
			in.problems[c.nic] = "no ofport"
			if c.iface.Error != "" {
				in.problems[c.nic] = c.iface.Error
			}
		case !e.ports.agree(c.iface):
			in.problems[c.nic] = fmt.Sprintf("the switch has no ofport %d for interface %s", c.iface.OFPort, c.iface.Name)
			in.again = lookAgain
		case ok:
			in.host.Ports[c.nic] = ofrules.Port{OFPort: c.iface.OFPort, Zone: zone}
		}
	}
	var err error
	if e.cfg.Uplink != "" {
		in.host.Uplink = e.uplinkPort(b.Interfaces)
		if in.host.Uplink == 0 {
			err = fmt.Errorf("%s is not a working port of the bridge", e.cfg.Uplink)
			if up >= 0 && b.Interfaces[up].OFPort != 0 {
				in.again = lookAgain
			}
		}
	}
	e.report.problem("uplink", err)
	return in, nil
}

// soon has the bridge looked at again after a while, 0 for no need.
func (in *hostInput) soon(again time.Duration) { in.again = in.soonest(again) }

// soonest is when to look again if there is another reason to, 0 for none.
func (in *hostInput) soonest(other time.Duration) time.Duration {
	if in.again == 0 || other != 0 && other < in.again {
		return other
	}
	return in.again
}
