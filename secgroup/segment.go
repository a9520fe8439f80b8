package secgroup

import (
	"slices"
	"strconv"
)

// Segment is an L2 segment: a VLAN in one routing domain, or what never leaves
// the host of one. Frames of its NICs are delivered by their destination MAC, so
// a MAC is one NIC's in it. It is comparable; the zero Segment is none.
type Segment struct {
	Domain string
	VLAN   uint16 // 0 = untagged
	Local  bool   // no VLAN: it never leaves the host
}

// String names the segment: VLAN/domain, or local/domain.
func (s Segment) String() string {
	if s.Local {
		return "local/" + s.Domain
	}
	return strconv.Itoa(int(s.VLAN)) + "/" + s.Domain
}

// Segment returns the segment that the network is in.
func (n *Network) Segment() Segment {
	return Segment{Domain: n.RoutingDomain, VLAN: n.VLAN, Local: n.Local}
}

// MixesOnWire reports whether frames of the two segments are alike between hosts
// although their routing domains differ.
func (s Segment) MixesOnWire(o Segment) bool {
	return !s.Local && !o.Local && s.VLAN == o.VLAN && s.Domain != o.Domain
}

// SegmentOf returns the segment of a NIC, none if its network is absent.
func (s *Snapshot) SegmentOf(n *NIC) Segment {
	if network := s.Network(n.Network); network != nil {
		return network.Segment()
	}
	return Segment{}
}

// NICsByMAC returns the NICs that have an Ethernet address, in whatever segment,
// sorted by id.
func (s *Snapshot) NICsByMAC(m MAC) []*NIC {
	return slices.Clone(s.macs.get(m.number()))
}
