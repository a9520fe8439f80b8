package ovsdb

import (
	"cmp"
	"fmt"
	"slices"
)

// BridgeState is a bridge and its interfaces as the database has them.
type BridgeState struct {
	// Stale says why the database cannot be reached; the rest is as it was
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
	Interfaces   []Interface // sorted by name; those of bonds too
}

// Interface is one row of the table Interface.
type Interface struct {
	UUID        UUID
	Name        string
	Port        string // name of the port it belongs to
	Type        string // "" is a device of the system
	IfaceID     string // external_ids:iface-id, the NIC behind it
	OFPort      uint32 // OpenFlow port number; 0 while it has none
	Error       string // why ovs-vswitchd could not make it work
	ExternalIDs map[string]string
}

// bridgeColumns are the columns that bridgeState reads.
var bridgeColumns = map[string][]wanted{
	"Bridge": {
		{"name", KindString, KindNone},
		{"datapath_type", KindString, KindNone},
		{"datapath_id", KindString, KindNone},
		{"fail_mode", KindString, KindNone},
		{"protocols", KindString, KindNone},
		{"external_ids", KindString, KindString},
		{"ports", KindUUID, KindNone},
	},
	"Port": {
		{"name", KindString, KindNone},
		{"interfaces", KindUUID, KindNone},
	},
	"Interface": {
		{"name", KindString, KindNone},
		{"type", KindString, KindNone},
		{"ofport", KindInteger, KindNone},
		{"error", KindString, KindNone},
		{"external_ids", KindString, KindString},
	},
}

// bridgeState reads a replica of bridgeColumns.
func bridgeState(r *replica, name string) (BridgeState, error) {
	for uuid, row := range r.rows["Bridge"] {
		if row["name"].Text() != name {
			continue
		}
		s := BridgeState{
			Exists:       true,
			UUID:         uuid,
			DatapathType: row["datapath_type"].Text(),
			DatapathID:   row["datapath_id"].Text(),
			FailMode:     row["fail_mode"].Text(),
			Protocols:    row["protocols"].Texts(),
			ExternalIDs:  row["external_ids"].TextMap(),
		}
		for _, ref := range row["ports"].Refs() {
			port, ok := r.rows["Port"][ref]
			if !ok {
				return BridgeState{}, fmt.Errorf("bridge %s refers to port %s, which does not exist", name, ref)
			}
			for _, ref := range port["interfaces"].Refs() {
				row, ok := r.rows["Interface"][ref]
				if !ok {
					return BridgeState{}, fmt.Errorf("port %s refers to interface %s, which does not exist", port["name"].Text(), ref)
				}
				s.Interfaces = append(s.Interfaces, newInterface(ref, port["name"].Text(), row))
			}
		}
		slices.SortFunc(s.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Name, b.Name) })
		return s, nil
	}
	return BridgeState{}, nil
}

func newInterface(uuid UUID, port string, row Row) Interface {
	ids := row["external_ids"].TextMap()
	i := Interface{
		UUID:        uuid,
		Name:        row["name"].Text(),
		Port:        port,
		Type:        row["type"].Text(),
		IfaceID:     ids["iface-id"],
		Error:       row["error"].Text(),
		ExternalIDs: ids,
	}
	// -1 says that the interface could not be made (ovs-vswitchd.conf.db(5)).
	if n, ok := row["ofport"].Int(); ok && n > 0 && n <= 0xffffffff {
		i.OFPort = uint32(n)
	}
	return i
}
