package controller

import (
	"iter"
	"maps"
	"net/netip"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// concern says which open connections a change may have taken the ground from.
// Every connection that was allowed before the change and is not after it is
// touched by its concern; changes that only add are of no concern.
type concern struct {
	all    bool
	nics   map[string]struct{}            // connections in the zones of these NICs
	places map[place]struct{}             // connections with an end there
	groups map[secgroup.GroupRef]struct{} // connections of NICs that one of these judges
	// pickedUp is whether connections may be there that were picked up in
	// mid-stream: the groups of their other ends count for them, too.
	pickedUp bool
	filtered map[string]struct{} // NICs that are filtered now and were not
}

// place is an address in a routing domain.
type place struct {
	domain string
	addr   netip.Addr
}

func newConcern() concern {
	return concern{
		nics: map[string]struct{}{}, places: map[place]struct{}{}, groups: map[secgroup.GroupRef]struct{}{}, filtered: map[string]struct{}{},
	}
}

func (c *concern) empty() bool { return !c.all && len(c.nics)+len(c.places)+len(c.groups) == 0 }

// merge adds another concern.
func (c *concern) merge(o concern) {
	c.all = c.all || o.all
	c.pickedUp = c.pickedUp || o.pickedUp
	maps.Copy(c.filtered, o.filtered)
	maps.Copy(c.nics, o.nics)
	maps.Copy(c.places, o.places)
	maps.Copy(c.groups, o.groups)
}

// clone returns a copy that merges leave alone.
func (c *concern) clone() concern {
	return concern{all: c.all, nics: maps.Clone(c.nics), places: maps.Clone(c.places), groups: maps.Clone(c.groups), pickedUp: c.pickedUp, filtered: maps.Clone(c.filtered)}
}

// reaches tells whether any connection of a host can be touched whose NICs are
// those given, in s.
func (c *concern) reaches(s *secgroup.Snapshot, nics *zoned) bool {
	for range c.zones(s, nics) {
		return true
	}
	return false
}

// zones yields those, of a host whose NICs are those given, in which a connection
// can be touched. A concern of NICs alone is as much work as it names NICs.
func (c *concern) zones(s *secgroup.Snapshot, nics *zoned) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		if c.empty() {
			return
		}
		if !c.all && len(c.places)+len(c.groups) == 0 {
			for id := range c.nics {
				if zone := nics.zone(id); zone != 0 && !yield(zone) {
					return
				}
			}
			return
		}
		for zone, id := range nics.all() {
			if c.reachesNIC(s, id) && !yield(zone) {
				return
			}
		}
	}
}

// reachesNIC tells whether a connection in the zone of a NIC can be touched.
func (c *concern) reachesNIC(s *secgroup.Snapshot, id string) bool {
	if c.all || c.pickedUp && len(c.groups) > 0 {
		return true
	}
	if _, ok := c.nics[id]; ok {
		return true
	}
	n := s.NIC(id)
	if n == nil || c.judged(s, n) {
		return n != nil
	}
	if len(c.places) > 0 {
		domain := s.Domain(n)
		for p := range c.places {
			if p.domain == domain {
				return true
			}
		}
	}
	return false
}

// touches tells whether a connection in the zone of NIC n is of concern.
func (c *concern) touches(s *secgroup.Snapshot, n *secgroup.NIC, conn unixctl.Conn) bool {
	if c.all {
		return true
	}
	if _, ok := c.nics[n.ID]; ok || c.judged(s, n) {
		return true
	}
	if len(c.places) == 0 && !ofrules.IsPickedUp(conn.Labels) {
		return false
	}
	domain := s.Domain(n)
	for _, a := range []netip.Addr{conn.Orig.Src, conn.Orig.Dst} {
		if _, ok := c.places[place{domain, a}]; ok {
			return true
		}
		if len(c.groups) == 0 || !ofrules.IsPickedUp(conn.Labels) {
			continue
		}
		for _, o := range s.NICsByAddress(domain, a) { // its other end counts, too
			if o.ID != n.ID && c.judged(s, o) {
				return true
			}
		}
	}
	return false
}

// judged tells whether one of the groups judges n.
func (c *concern) judged(s *secgroup.Snapshot, n *secgroup.NIC) bool {
	if len(c.groups) == 0 {
		return false
	}
	for _, e := range s.EffectiveGroups(n) {
		if _, ok := c.groups[e.Group]; ok {
			return true
		}
	}
	return false
}
