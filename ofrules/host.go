package ofrules

import (
	"fmt"

	of "github.com/ringfence/ringfence/openflow"
)

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
}

// misplugged says what is wrong with where NICs are plugged, by NIC. Frames of
// two NICs in one place could not be told apart, so neither gets flows.
func (h Host) misplugged() map[string]string {
	ofports, zones := map[uint32]int{}, map[uint16]int{}
	for _, p := range h.Ports {
		ofports[p.OFPort]++
		zones[p.Zone]++
	}
	out := map[string]string{}
	for id, p := range h.Ports {
		switch {
		case p.OFPort == 0 || p.OFPort >= of.PortMax:
			out[id] = fmt.Sprintf("%d is no ofport", p.OFPort)
		case p.OFPort == h.Uplink:
			out[id] = fmt.Sprintf("ofport %d is the uplink", p.OFPort)
		case ofports[p.OFPort] > 1:
			out[id] = fmt.Sprintf("another NIC is in ofport %d", p.OFPort)
		case p.Zone == 0 || zones[p.Zone] > 1:
			out[id] = fmt.Sprintf("conntrack zone %d is not its own", p.Zone)
		}
	}
	return out
}
