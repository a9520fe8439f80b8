package controller

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/ovsdb"
)

// hostInput is what a step knows of the bridge: the compiler's input, and what became of
// each NIC. Its maps are the engine's own, and the next step changes them.
type hostInput struct {
	host          ofrules.Host
	claims        map[string]claim    // NICs that are plugged
	pluggedAtStep map[string]uint64   // step that saw a NIC come to its Port
	zones         *zoneMap            // which do not change any more
	problems      map[string]string   // NICs that get no flows, and why
	zoneNew       []string            // NICs that got a zone just now, or their former one back
	zoneOfOther   []string            // of these, those that got another one
	looked        map[string]struct{} // NICs looked at just now; nil = all
	lookAgainIn   time.Duration       // when to look again, 0 = no need
	newerKnown    bool                // host.Newer is known, or never will be
	asKept        bool                // host.Newer and host.Elsewhere are what was kept: others cannot be asked
}

// bridgeState is the bridge as the last step saw it.
type bridgeState struct {
	in      hostInput
	zoneMap zoneMap // as in.zones, while they change
	devices devices
	todo    map[string]struct{} // NICs for the next step to look at: they changed, or are to be tried again
}

// readBridge returns the state of the bridge, and gives zones to NICs that have none. A
// NIC that cannot be served is noted in problems, and does not hold up the others. It
// looks at those NICs of which something changed; on a new connection, or if the switch
// has moved ports, at all of them.
func (e *engine) readBridge(ctx context.Context) (hostInput, error) {
	touched := e.plugs.takeTouched()
	if e.bridge.todo == nil {
		e.bridge.todo = touched
	} else {
		maps.Copy(e.bridge.todo, touched)
	}
	all := e.bridge.in.claims == nil
	look, gone, uplink := e.nicsToLook(all)
	moved, err := e.ports.check(ctx, e.conn, append(interfaces(look), uplink))
	if err != nil {
		return hostInput{}, err
	}
	if moved && !all {
		all = true
		look, gone, uplink = e.nicsToLook(all)
	}
	in := &e.bridge.in
	in.zoneNew, in.zoneOfOther, in.looked, in.lookAgainIn = nil, nil, map[string]struct{}{}, 0
	in.host.Name, in.host.Elsewhere = e.cfg.Host, e.ready.Known()
	if all || len(look) > 0 || len(gone) > 0 {
		e.newest.Plugged(byNIC(look), gone, all)
		e.updateNICs(ctx, in, look, gone, all)
	}
	in.host.Newer, in.newerKnown = e.newest.Known()
	kept := e.share.Kept()
	if in.asKept = kept != nil && !in.newerKnown; in.asKept {
		in.host.Newer, in.host.Elsewhere, in.newerKnown = kept.Newer, kept.Elsewhere, true
	}
	if len(e.bridge.todo) > 0 {
		in.lookAgainIn = lookAgain
	}
	in.host.Changed = in.looked
	e.report.problem("uplink", e.uplink(in, uplink))
	e.bridge.devices.end()
	return *in, nil
}

// uplink sets the ofport of the way to other hosts, 0 if it cannot be used, and says
// what is wrong with it.
func (e *engine) uplink(in *hostInput, uplink ovsdb.Interface) error {
	in.host.Uplink = 0
	if e.cfg.Uplink == "" {
		return nil
	}
	if uplink.OFPort == 0 || !e.ports.agree(uplink) {
		if uplink.OFPort != 0 {
			in.lookAgainIn = lookAgain
		}
		return fmt.Errorf("%s is not a working port of the bridge", e.cfg.Uplink)
	}
	if bond := e.bond(uplink); len(bond) > 1 {
		return fmt.Errorf("port %s is a bond of %s: OpenFlow has no port for it. Put the bond into a bridge of its own, and join the two by patch ports", uplink.Port, strings.Join(bond, ", "))
	}
	in.host.Uplink = uplink.OFPort
	return e.device("", uplink)
}

// bond returns the interfaces of the port that one belongs to.
func (e *engine) bond(i ovsdb.Interface) (names []string) {
	e.plugs.readClaims(func(c *claims) { names = c.members(i.Port) })
	return names
}

// nicsToLook returns the claims of the NICs to look at, in the order of the
// interfaces' names, those that are not plugged any more, and the uplink.
func (e *engine) nicsToLook(all bool) (look []claim, gone []string, uplink ovsdb.Interface) {
	e.plugs.readClaims(func(c *claims) {
		uplink = c.uplink(e.cfg.Uplink)
		if all {
			look = c.all()
			return
		}
		for nic := range e.bridge.todo {
			if one, ok := c.get(nic); ok {
				look = append(look, one)
			} else {
				gone = append(gone, nic)
			}
		}
	})
	if all {
		gone = e.zones.withoutClaim(look)
	}
	slices.SortFunc(look, func(a, b claim) int { return strings.Compare(a.iface.Name, b.iface.Name) })
	return look, gone, uplink
}

func interfaces(claims []claim) []ovsdb.Interface {
	out := make([]ovsdb.Interface, 0, len(claims)+1)
	for _, c := range claims {
		out = append(out, c.iface)
	}
	return out
}

func byNIC(claims []claim) map[string]ovsdb.Interface {
	out := make(map[string]ovsdb.Interface, len(claims))
	for _, c := range claims {
		out[c.nic] = c.iface
	}
	return out
}

// updateNICs brings in up to date with the NICs in look, and with those that have gone.
// If all is set, look has all NICs that are plugged.
func (e *engine) updateNICs(ctx context.Context, in *hostInput, updateNICs []claim, gone []string, all bool) {
	e.bridge.todo = map[string]struct{}{}
	ports, since := in.host.Ports, in.pluggedAtStep
	if all {
		e.bridge.devices = devices{read: func() map[uint32]bool { return devicesRead(e.cfg.RunDir) }}
		e.bridge.devices.begin()
		in.host.Ports, in.claims, in.problems = map[string]ofrules.Port{}, map[string]claim{}, map[string]string{}
		in.pluggedAtStep, e.bridge.zoneMap, in.looked = map[string]uint64{}, zoneMap{}, nil
	}
	for _, nic := range gone {
		e.bridge.forget(nic)
		delete(in.pluggedAtStep, nic)
		e.bridge.devices.forget(nic)
	}
	strange, back, failed := e.zones.update(ctx, updateNICs, gone)
	in.zoneNew, in.zoneOfOther = append(slices.Clone(strange), back...), strange
	for _, c := range updateNICs {
		was, had := ports[c.nic]
		e.bridge.forget(c.nic)
		zone, zoned := e.zones.byNIC[c.nic]
		in.claims[c.nic] = c
		if zoned {
			e.bridge.zoneMap.set(zone, c.nic)
		}
		switch {
		case c.iface.OFPort == 0:
			in.problems[c.nic] = cmp.Or(c.iface.Error, "no ofport")
		case !e.ports.agree(c.iface):
			in.problems[c.nic] = fmt.Sprintf("the switch has no ofport %d for interface %s", c.iface.OFPort, c.iface.Name)
			e.bridge.todo[c.nic] = struct{}{}
		case zoned:
			in.host.Ports[c.nic] = ofrules.Port{OFPort: c.iface.OFPort, Zone: zone}
		case failed[c.nic] != nil:
			in.problems[c.nic] = failed[c.nic].Error()
		}
		if err := e.device(c.nic, c.iface); err != nil && in.problems[c.nic] == "" {
			in.problems[c.nic] = err.Error() // its flows stay: they do no harm
		}
		if now, has := in.host.Ports[c.nic]; !has {
			delete(in.pluggedAtStep, c.nic)
		} else if had && was == now {
			in.pluggedAtStep[c.nic] = since[c.nic]
		} else {
			in.pluggedAtStep[c.nic] = e.steps
		}
		if failed[c.nic] != nil || e.zones.unwritten[c.nic] {
			e.bridge.todo[c.nic] = struct{}{}
		}
	}
	in.zones = e.bridge.zoneMap.copy()
}

// device says what is wrong with the device of a NIC's interface, or with the
// uplink's, which is "".
func (e *engine) device(nic string, i ovsdb.Interface) error {
	if bridge, _, _ := e.plugs.get(); bridge.DatapathType != "netdev" {
		return nil
	}
	return e.bridge.devices.check(nic, i)
}

// forget drops what is known of a NIC, and counts it as looked at.
func (l *bridgeState) forget(nic string) {
	delete(l.in.host.Ports, nic)
	delete(l.in.claims, nic)
	delete(l.in.problems, nic)
	l.zoneMap.drop(nic)
	if l.in.looked != nil {
		l.in.looked[nic] = struct{}{}
	}
}

// zonesLooked are the zones of the NICs that were looked at just now.
func (in *hostInput) zonesLooked() (zones []uint16) {
	if in.looked == nil {
		return in.zones.byZone.Keys()
	}
	for nic := range in.looked {
		if zone := in.zones.Zone(nic); zone != 0 {
			zones = append(zones, zone)
		}
	}
	return zones
}

// lookWithin has the next step come after d at the latest, 0 for no need.
func (in *hostInput) lookWithin(again time.Duration) { in.lookAgainIn = in.earliest(again) }

// earliest returns the earlier of lookAgainIn and other, where 0 is never.
func (in *hostInput) earliest(other time.Duration) time.Duration {
	if in.lookAgainIn == 0 || other != 0 && other < in.lookAgainIn {
		return other
	}
	return in.lookAgainIn
}
