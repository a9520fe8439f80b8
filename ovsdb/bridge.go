package ovsdb

import (
	"maps"
	"slices"
)

// UUID names a row: 36 characters, hexadecimal in lower case with hyphens.
type UUID string

// Change is what is different about a bridge since the change before. Its maps
// and slices are not to be changed.
type Change struct {
	Bridge Bridge      // as it is now
	Set    []Interface // that came or changed, as they are now; sorted by name
	Gone   []Interface // that left, as they were; sorted by name
}

// Bridge is a row of the table Bridge.
type Bridge struct {
	// Stale says why the database cannot be reached; all else is as it was
	// seen last (nothing at all before the first time). Empty while connected.
	Stale string
	// Exists is false while there is no such bridge; all that follows is empty.
	Exists       bool
	UUID         UUID
	DatapathType string // "" is "system"
	DatapathID   string // 16 hexadecimal digits; empty until ovs-vswitchd made the bridge
	FailMode     string // "secure", "standalone" or unset
	Protocols    []string
	ExternalIDs  map[string]string
}

// Interface is a row of the table Interface.
type Interface struct {
	UUID        UUID
	Name        string
	Port        string // name of the port it belongs to
	Type        string // "" is a device of the system
	IfaceID     string // external_ids:iface-id, the NIC behind it
	OFPort      uint32 // OpenFlow port number; 0 while it has none
	IfIndex     uint32 // of its network device; 0 while there is none
	Error       string // why ovs-vswitchd could not make it work
	Policing    Policing
	ExternalIDs map[string]string
}

// Policing is how many packets are let in from an interface, in thousands; those
// beyond are lost. Nothing is limited by the zero value. See ovs-vswitchd.conf.db(5),
// ingress_policing_kpkts_rate and ingress_policing_kpkts_burst.
type Policing struct {
	Rate  int // a second
	Burst int // at once; 0 is 16
}

func (b Bridge) equal(c Bridge) bool {
	return b.Stale == c.Stale && b.Exists == c.Exists && b.UUID == c.UUID && b.DatapathType == c.DatapathType &&
		b.DatapathID == c.DatapathID && b.FailMode == c.FailMode &&
		slices.Equal(b.Protocols, c.Protocols) && maps.Equal(b.ExternalIDs, c.ExternalIDs)
}

func (i Interface) equal(j Interface) bool {
	return i.UUID == j.UUID && i.Name == j.Name && i.Port == j.Port && i.Type == j.Type && i.OFPort == j.OFPort && i.IfIndex == j.IfIndex &&
		i.Error == j.Error && i.Policing == j.Policing && maps.Equal(i.ExternalIDs, j.ExternalIDs)
}

func newBridge(r *bridgeRow) Bridge {
	return Bridge{
		Exists:       true,
		UUID:         UUID(r.UUID),
		DatapathType: r.DatapathType,
		DatapathID:   value(r.DatapathID),
		FailMode:     value(r.FailMode),
		Protocols:    slices.Sorted(slices.Values(r.Protocols)),
		ExternalIDs:  r.ExternalIDs,
	}
}

func newInterface(r *interfaceRow, port string) Interface {
	i := Interface{
		UUID:        UUID(r.UUID),
		Name:        r.Name,
		Port:        port,
		Type:        r.Type,
		IfaceID:     r.ExternalIDs["iface-id"],
		Error:       value(r.Error),
		Policing:    Policing{Rate: r.PoliceRate, Burst: r.PoliceBurst},
		ExternalIDs: r.ExternalIDs,
	}
	// -1 says that the interface could not be made (ovs-vswitchd.conf.db(5)).
	if n := value(r.OFPort); n > 0 && n <= 0xffffffff {
		i.OFPort = uint32(n)
	}
	if n := value(r.IfIndex); n > 0 && n <= 0xffffffff {
		i.IfIndex = uint32(n)
	}
	return i
}
