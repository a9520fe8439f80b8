package ofrules

import (
	"fmt"
	"maps"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
)

// sockets has the ofports and zones of the host's NICs, as of the last update, and
// checks that they are unique. A NIC that gets others costs the same however many NICs
// there are.
type sockets struct {
	uplink   uint32
	ports    map[string]Port
	byOFPort map[uint32][]string // NICs of each ofport; more than one is a fault
	byZone   map[uint16][]string // NICs of each zone; likewise
}

func newSockets() sockets {
	return sockets{ports: map[string]Port{}, byOFPort: map[uint32][]string{}, byZone: map[uint16][]string{}}
}

// update takes where NICs are plugged now, and returns those of which that, or
// what is wrong with it, may be different.
func (s *sockets) update(h Host) map[string]struct{} {
	dirty := map[string]struct{}{}
	if s.uplink != h.Uplink {
		add(dirty, s.byOFPort[s.uplink])
		add(dirty, s.byOFPort[h.Uplink])
		s.uplink = h.Uplink
	}
	if h.Changed != nil {
		for id := range h.Changed {
			s.set(id, h.Ports, dirty)
		}
		return dirty
	}
	for id := range h.Ports {
		s.set(id, h.Ports, dirty)
	}
	for id := range s.ports {
		if _, there := h.Ports[id]; !there {
			s.set(id, h.Ports, dirty)
		}
	}
	return dirty
}

// set updates one NIC. It also marks dirty the NICs that shared its ofport or zone, or
// share it now, because problem may say something else of them.
func (s *sockets) set(id string, ports map[string]Port, dirty map[string]struct{}) {
	was, had := s.ports[id]
	now, has := ports[id]
	if had == has && was == now {
		return
	}
	dirty[id] = struct{}{}
	if had {
		delete(s.ports, id)
		add(dirty, removeFrom(s.byOFPort, was.OFPort, id))
		add(dirty, removeFrom(s.byZone, was.Zone, id))
	}
	if has {
		s.ports[id] = now
		add(dirty, s.byOFPort[now.OFPort])
		add(dirty, s.byZone[now.Zone])
		s.byOFPort[now.OFPort] = append(s.byOFPort[now.OFPort], id)
		s.byZone[now.Zone] = append(s.byZone[now.Zone], id)
	}
}

func add(set map[string]struct{}, ids []string) {
	for _, id := range ids {
		set[id] = struct{}{}
	}
}

// removeFrom takes a NIC out of a place, and returns who is still there.
func removeFrom[K comparable](places map[K][]string, place K, id string) []string {
	rest := slices.DeleteFunc(places[place], func(other string) bool { return other == id })
	if len(rest) == 0 {
		delete(places, place)
	} else {
		places[place] = rest
	}
	return rest
}

// problem says what is wrong with a NIC's ofport or zone, "" for nothing. Frames of two
// NICs with the same one could not be told apart, so neither gets flows.
func (s *sockets) problem(p Port) string {
	switch {
	case p.OFPort == 0 || p.OFPort >= of.PortMax:
		return fmt.Sprintf("%d is no ofport", p.OFPort)
	case p.OFPort == s.uplink:
		return fmt.Sprintf("ofport %d is the uplink", p.OFPort)
	case len(s.byOFPort[p.OFPort]) > 1:
		return fmt.Sprintf("another NIC is in ofport %d", p.OFPort)
	case p.Zone == 0 || len(s.byZone[p.Zone]) > 1:
		return fmt.Sprintf("conntrack zone %d is not its own", p.Zone)
	default:
		return ""
	}
}

// Ports returns where NICs are plugged, as of the last update.
func (c *Compiler) Ports() map[string]Port { return maps.Clone(c.local.sockets.ports) }

// Port returns where a NIC is plugged, the zero Port if it is not, as of the last
// update.
func (c *Compiler) Port(nic string) Port { return c.local.sockets.ports[nic] }

// Port is where a NIC is plugged on this host.
type Port struct {
	OFPort uint32
	Zone   uint16 // its conntrack zone: unique on the host, kept over restarts
}

// Host is what the switch says: where NICs are plugged.
type Host struct {
	Name   string          // by which NICs name it; "" = no NIC is told that it may not be here
	Ports  map[string]Port // by NIC id
	Uplink uint32          // ofport of the way to other hosts, 0 = none
	// Elsewhere are the NICs that are ready at another host, which is named; one
	// that names it first is delivered there. nil = all that name another first.
	Elsewhere map[string]string
	// Newer are the NICs that are plugged at another host since later, which is
	// named: those that may be anywhere are served there. It must not be changed.
	Newer map[string]string
	// Changed are the NICs whose Ports may differ from those of the update
	// before; nil = any may.
	Changed map[string]struct{}
}
