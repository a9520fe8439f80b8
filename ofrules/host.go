package ofrules

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
