package inquiry

import (
	"time"

	"github.com/ringfence/ringfence/packet"
)

// DropsQuestion asks what is dropped of the packets that NICs plugged at the
// host send or are sent. Nothing is noticed unless somebody looks: a question
// has the host look for some time, and its answer tells of what was noticed.
type DropsQuestion struct {
	NICs    []string  `json:"nics"`
	Since   time.Time `json:"since"`   // only what came later, by the host's clock
	Seconds int       `json:"seconds"` // how long to look, from now on
	Limit   int       `json:"limit"`
}

// DropsAnswer is sorted by time, the latest first.
type DropsAnswer struct {
	Applied int64     `json:"applied"`
	Now     time.Time `json:"now"`  // by the host's clock
	Rate    int       `json:"rate"` // packets a second and NIC that are looked at
	Drops   []Drop    `json:"drops"`
	// Totals count every packet since somebody began to look, up to some 500 ms
	// ago: they are the flows' own counters.
	Totals    []DropTotal `json:"totals"`
	Truncated bool        `json:"truncated,omitempty"`
}

// Drop is what is known of packets that were dropped, which are all alike.
type Drop struct {
	NIC       string `json:"nic"`
	Direction string `json:"direction"` // the NIC sent it, or was sent it
	Reason    string `json:"reason"`
	Detail    string `json:"detail"`
	Frame
	Count uint64    `json:"count"` // that were looked at
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Frame is what a frame's headers say. What it has not is zero.
type Frame struct {
	SrcMAC    string       `json:"src_mac,omitempty"`
	DstMAC    string       `json:"dst_mac,omitempty"`
	VLAN      uint16       `json:"vlan,omitempty"`
	EtherType uint16       `json:"ether_type,omitempty"`
	Packet    packet.Tuple `json:"packet"` // for ARP: whom it is of and whom it asks for
	Fragment  bool         `json:"fragment,omitempty"`
}

// DropTotal counts what was dropped for one reason.
type DropTotal struct {
	NIC       string `json:"nic"`
	Direction string `json:"direction"`
	Reason    string `json:"reason"`
	Packets   uint64 `json:"packets"`
	Bytes     uint64 `json:"bytes"`
}
