package plan

import (
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
)

// macInUse refuses a NIC whose MAC another one in the same segment has, if it
// is new there: frames are delivered by segment and MAC, so the two would get
// each other's. Two that have been together since before this was refused may
// be changed in all else.
func macInUse(s *secgroup.Snapshot, n, old *secgroup.NIC) error {
	if old != nil && old.MAC == n.MAC && old.Network == n.Network {
		return nil
	}
	return macConflict(sameMAC(s, s.Network(n.Network).Segment(), n))
}

// macsInUse does so for the NICs of a network that moves to another segment.
func macsInUse(s *secgroup.Snapshot, network *secgroup.Network) error {
	var deps []Dependent
	for _, n := range s.NICsOfNetwork(network.ID) {
		deps = append(deps, sameMAC(s, network.Segment(), n)...)
	}
	return macConflict(deps)
}

// sameMAC returns the other NICs in a segment that have the MAC of n.
func sameMAC(s *secgroup.Snapshot, in secgroup.Segment, n *secgroup.NIC) []Dependent {
	var deps []Dependent
	for _, other := range s.NICsByMAC(n.MAC) {
		if other.ID == n.ID {
			continue
		}
		if network := s.Network(other.Network); network != nil && network.Segment() == in {
			deps = append(deps, Dependent{NIC: other.ID, MAC: n.MAC.String()})
		}
	}
	return deps
}

func macConflict(deps []Dependent) error {
	if len(deps) == 0 {
		return nil
	}
	return &Conflict{CodeMACInUse, "another NIC of the same routing domain and VLAN has the MAC", deps}
}

// vlanInUse refuses a VLAN on which another routing domain is already: on the
// wire nothing tells the two apart.
func vlanInUse(s *secgroup.Snapshot, n *secgroup.Network) error {
	var deps []Dependent
	domain := ""
	for _, other := range s.Networks() {
		if other.ID != n.ID && n.Segment().MixesOnWire(other.Segment()) {
			deps = append(deps, Dependent{Network: other.ID})
			if domain == "" {
				domain = other.RoutingDomain
			}
		}
	}
	if len(deps) == 0 {
		return nil
	}
	detail := fmt.Sprintf("vlan %d is on the wire for routing domain %s; this network is in %s", n.VLAN, domain, n.RoutingDomain)
	if n.VLAN == 0 {
		detail = fmt.Sprintf("untagged frames (vlan 0, the default) are on the wire for routing domain %s; this network is in %s", domain, n.RoutingDomain)
	}
	return &Conflict{CodeVLANInUse, detail, deps}
}
