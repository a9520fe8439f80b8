package inquiry

import (
	"net/netip"

	"github.com/ringfence/ringfence/packet"
)

// State is what conntrack says of a packet.
type State string

// The states. For Reply and Related the packet of the question is that of the
// answering end.
const (
	New         State = "new"         // the first of a connection
	Established State = "established" // a later one, in the connection's direction
	Reply       State = "reply"       // an answer
	Related     State = "related"     // an ICMP error about the connection, from the other end
	Invalid     State = "invalid"     // what conntrack makes no sense of
)

// TraceQuestion asks a host what its switch does with a packet.
type TraceQuestion struct {
	Source      string       `json:"source,omitempty"`      // NIC; empty: no NIC of ours
	Destination string       `json:"destination,omitempty"` // NIC; empty: no NIC of ours
	Egress      bool         `json:"egress"`                // trace the leg of Source, which is here
	Ingress     bool         `json:"ingress"`               // trace the leg of Destination, which is here
	Packet      packet.Tuple `json:"packet"`
	State       State        `json:"state"`
	// Ends are Source and Destination as the policy has them, by their ids: a host
	// knows its own NICs alone. Whoever brings the question to the host fills them in,
	// see package ends.
	Ends map[string]End `json:"ends,omitempty"`
}

// End is what a frame between two NICs depends on: who they are and where.
type End struct {
	MAC       string       `json:"mac"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Domain    string       `json:"domain,omitempty"` // routing domain; "" if its network is absent
	VLAN      uint16       `json:"vlan,omitempty"`
	Local     bool         `json:"local,omitempty"` // its network has no VLAN, and never leaves a host
}

// TraceAnswer has the legs that were asked for.
type TraceAnswer struct {
	Applied int64 `json:"applied"` // the policy revision in force on the host
	Egress  *Leg  `json:"egress,omitempty"`
	Ingress *Leg  `json:"ingress,omitempty"`
}

// ReasonHostLocal is a Leg's Reason where the NIC's network never leaves the
// host and the packet would have to.
const ReasonHostLocal = "host-local"

// Leg is what the switch does with the packet on one NIC's behalf.
type Leg struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
	Detail  string  `json:"detail,omitempty"`
	Rule    *Rule   `json:"rule,omitempty"`   // that admits it
	Output  string  `json:"output,omitempty"` // port of the switch it leaves by
	Steps   []Step  `json:"steps,omitempty"`
	// Unparsed are lines of the trace that this version does not understand.
	Unparsed []string `json:"unparsed,omitempty"`
}

// Step is a flow that the packet met, or none.
type Step struct {
	Table     uint8    `json:"table"`
	TableName string   `json:"table_name"`
	Priority  int      `json:"priority"`
	Match     string   `json:"match"`
	Cookie    string   `json:"cookie"`         // "0x…"
	Kind      string   `json:"kind"`           // what the flow is for; "foreign", "miss"
	Rule      *Rule    `json:"rule,omitempty"` // that the flow stands for
	Actions   string   `json:"actions"`
	Notes     []string `json:"notes,omitempty"`
	Recirc    string   `json:"recirc,omitempty"`   // recirculation id that leads here
	CTState   string   `json:"ct_state,omitempty"` // what conntrack said before this step
}
