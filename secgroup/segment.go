package secgroup

import (
	"slices"
	"strconv"
)

// Segment is an L2 segment: a VLAN in one routing domain. Frames of its NICs
// are delivered by their destination MAC, so a MAC is one NIC's in it. It is
// comparable; the zero Segment is none.
type Segment struct {
	Domain string
	VLAN   uint16 // 0 = untagged
}

// String names the segment: VLAN/domain.
func (s Segment) String() string { return strconv.Itoa(int(s.VLAN)) + "/" + s.Domain }

// Segment returns the segment that the network is in.
func (n *Network) Segment() Segment { return Segment{Domain: n.RoutingDomain, VLAN: n.VLAN} }

// NICsByMAC returns the NICs that have an Ethernet address, in whatever segment,
// sorted by id.
func (s *Snapshot) NICsByMAC(m MAC) []*NIC {
	nodes := slices.SortedFunc(slices.Values(s.macs[m]), compareNICs)
	all := make([]*NIC, len(nodes))
	for i, n := range nodes {
		all[i] = n.object
	}
	return all
}
