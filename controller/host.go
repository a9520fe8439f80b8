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

// hostInput is what the bridge says, as the compiler takes it. Its maps are the
// engine's own, and change from step to step.
type hostInput struct {
	host     ofrules.Host
	claims   map[string]claim    // NICs that are plugged
	since    map[string]uint64   // step that saw a NIC come to its Port
	zones    *zoned              // which do not change any more
	problems map[string]string   // NICs that get no flows, and why
	fresh    []string            // NICs that got a zone just now, or their former one back
	strange  []string            // of these, those that got another one
	looked   map[string]struct{} // NICs looked at just now; nil = all
	again    time.Duration       // when to look again, 0 = no need
	known    bool                // host.Newer is, or cannot be
}

// local is what the bridge said when it was looked at last.
type local struct {
	in    hostInput
	zones zoned // as in.zones, while they change
	devs  devices
	todo  map[string]struct{} // NICs to look at: they changed, or may do better now
}

// host reads the bridge, and gives NICs zones. A NIC that cannot be served does
// not hold up the others. Only NICs of which something is different are looked
// at, all of them on a new connection and where the switch has moved ports.
func (e *engine) host(ctx context.Context) (hostInput, error) {
	touched := e.plugs.fresh()
	if e.local.todo == nil {
		e.local.todo = touched
	} else {
		maps.Copy(e.local.todo, touched)
	}
	all := e.local.in.claims == nil
	look, gone, uplink := e.changed(all)
	moved, err := e.ports.check(ctx, e.conn, append(interfaces(look), uplink))
	if err != nil {
		return hostInput{}, err
	}
	if moved && !all {
		all = true
		look, gone, uplink = e.changed(all)
	}
	in := &e.local.in
	in.fresh, in.strange, in.looked, in.again = nil, nil, map[string]struct{}{}, 0
	in.host.Name, in.host.Elsewhere = e.cfg.Host, e.others.Known()
	in.host.Newer, in.known = e.newest.Known()
	if kept := e.share.Kept(); kept != nil && !in.known { // others cannot be asked
		in.host.Newer, in.host.Elsewhere, in.known = kept.Newer, kept.Elsewhere, true
	}
	if all || len(look) > 0 || len(gone) > 0 {
		e.look(ctx, in, look, gone, all)
	}
	if len(e.local.todo) > 0 {
		in.again = lookAgain
	}
	in.host.Changed = in.looked
	e.report.problem("uplink", e.uplink(in, uplink))
	e.local.devs.end()
	return *in, nil
}

// uplink takes the way to other hosts, and says what is wrong with it.
func (e *engine) uplink(in *hostInput, uplink ovsdb.Interface) error {
	in.host.Uplink = 0
	if e.cfg.Uplink == "" {
		return nil
	}
	if uplink.OFPort == 0 || !e.ports.agree(uplink) {
		if uplink.OFPort != 0 {
			in.again = lookAgain
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
	e.plugs.ask(func(c *claims) { names = c.members(i.Port) })
	return names
}

// changed returns the claims of the NICs to look at, in the order of the
// interfaces' names, those that are not plugged any more, and the uplink.
func (e *engine) changed(all bool) (look []claim, gone []string, uplink ovsdb.Interface) {
	e.plugs.ask(func(c *claims) {
		uplink = c.uplink(e.cfg.Uplink)
		if all {
			look = c.all()
			return
		}
		for nic := range e.local.todo {
			if one, ok := c.get(nic); ok {
				look = append(look, one)
			} else {
				gone = append(gone, nic)
			}
		}
	})
	if all {
		gone = e.zones.others(look)
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

// look brings up to date what is known of NICs.
func (e *engine) look(ctx context.Context, in *hostInput, look []claim, gone []string, all bool) {
	e.local.todo = map[string]struct{}{}
	ports, since := in.host.Ports, in.since
	if all {
		e.local.devs = devices{read: func() map[uint32]bool { return devicesRead(e.cfg.RunDir) }}
		e.local.devs.begin()
		in.host.Ports, in.claims, in.problems = map[string]ofrules.Port{}, map[string]claim{}, map[string]string{}
		in.since, e.local.zones, in.looked = map[string]uint64{}, zoned{}, nil
	}
	for _, nic := range gone {
		e.local.forget(nic)
		delete(in.since, nic)
		e.local.devs.forget(nic)
	}
	strange, back, failed := e.zones.change(ctx, look, gone)
	in.fresh, in.strange = append(slices.Clone(strange), back...), strange
	for _, c := range look {
		was, had := ports[c.nic]
		e.local.forget(c.nic)
		zone, zoned := e.zones.byNIC[c.nic]
		in.claims[c.nic] = c
		if zoned {
			e.local.zones.set(zone, c.nic)
		}
		switch {
		case c.iface.OFPort == 0:
			in.problems[c.nic] = cmp.Or(c.iface.Error, "no ofport")
		case !e.ports.agree(c.iface):
			in.problems[c.nic] = fmt.Sprintf("the switch has no ofport %d for interface %s", c.iface.OFPort, c.iface.Name)
			e.local.todo[c.nic] = struct{}{}
		case zoned:
			in.host.Ports[c.nic] = ofrules.Port{OFPort: c.iface.OFPort, Zone: zone}
		case failed[c.nic] != nil:
			in.problems[c.nic] = failed[c.nic].Error()
		}
		if err := e.device(c.nic, c.iface); err != nil && in.problems[c.nic] == "" {
			in.problems[c.nic] = err.Error() // its flows stay: they do no harm
		}
		if now, has := in.host.Ports[c.nic]; !has {
			delete(in.since, c.nic)
		} else if had && was == now {
			in.since[c.nic] = since[c.nic]
		} else {
			in.since[c.nic] = e.steps
		}
		if failed[c.nic] != nil || e.zones.owed[c.nic] {
			e.local.todo[c.nic] = struct{}{}
		}
	}
	in.zones = e.local.zones.copy()
}

// device says what is wrong with the device of a NIC's interface, or with the
// uplink's, which is "".
func (e *engine) device(nic string, i ovsdb.Interface) error {
	if bridge, _, _ := e.plugs.get(); bridge.DatapathType != "netdev" {
		return nil
	}
	return e.local.devs.see(nic, i)
}

// forget takes a NIC out.
func (l *local) forget(nic string) {
	delete(l.in.host.Ports, nic)
	delete(l.in.claims, nic)
	delete(l.in.problems, nic)
	l.zones.drop(nic)
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

// soon has the bridge looked at again after a while, 0 for no need.
func (in *hostInput) soon(again time.Duration) { in.again = in.soonest(again) }

// soonest is when to look again if there is another reason to, 0 for none.
func (in *hostInput) soonest(other time.Duration) time.Duration {
	if in.again == 0 || other != 0 && other < in.again {
		return other
	}
	return in.again
}
