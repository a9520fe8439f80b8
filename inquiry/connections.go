package inquiry

import "github.com/ringfence/ringfence/packet"

// ConnectionsQuestion asks for the open connections of NICs that are plugged at
// the host.
type ConnectionsQuestion struct {
	NICs  []string `json:"nics"`
	Limit int      `json:"limit"`
}

// ConnectionsAnswer is sorted by NIC and tuple.
type ConnectionsAnswer struct {
	Applied     int64        `json:"applied"`
	Connections []Connection `json:"connections"`
	Truncated   bool         `json:"truncated,omitempty"`
}

// Connection is a tracked connection as one NIC's end has it.
type Connection struct {
	NIC       string       `json:"nic"`
	Direction string       `json:"direction"` // "egress" if the NIC began it, else "ingress"
	Packet    packet.Tuple `json:"packet"`    // the first one
	State     string       `json:"state,omitempty"`
	Timeout   int64        `json:"timeout"` // seconds until it expires unless packets arrive
	// Packets and Bytes are of both directions, Age is in seconds. They are 0 where
	// the datapath does not tell: the userspace one never does.
	Packets uint64  `json:"packets,omitempty"`
	Bytes   uint64  `json:"bytes,omitempty"`
	Age     float64 `json:"age,omitempty"`
	// Reason says what admitted it: "rule", "unrestricted", "baseline", "fragment" (a
	// rule or unrestricted egress, by the first fragment of a datagram), or "unknown"
	// for a rule that is no more.
	Reason string `json:"reason"`
	Rule   *Rule  `json:"rule,omitempty"`
	Mark   uint32 `json:"mark"` // the ct_mark
}
