package ofsim

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/openflow"
)

// Result is what became of a packet, and how.
type Result struct {
	Packet       Packet // as it came in
	Outputs      []SentPacket
	Commits      []Commit
	ToController []SentToController
	Steps        []Step
}

// SentPacket is a packet that leaves by an ofport; reserved ports such as
// PortNormal stand as they do in the action.
type SentPacket struct {
	Port   uint32
	Packet Packet
}

// Commit is a connection that a ct(commit) action put into the connection
// tracker, with the mark and label that its exec() left. The original direction
// is Packet's.
type Commit struct {
	Zone   uint16
	Force  bool
	Mark   uint32
	Label  [16]byte
	Packet Packet
}

// SentToController is a packet that a controller action sends up.
type SentToController struct {
	Action openflow.Controller
	Packet Packet
}

// Step is one station of the packet's way: a table looked up, or, without Flow
// and with Note, something an action did.
type Step struct {
	Pass   int            // 0, then one more for each recirculation
	Depth  int            // nesting of resubmits and gotos
	Table  uint8          // looked up, or the one whose flow acts
	Flow   *openflow.Flow // the flow that won; nil: none matched, or this is a note
	ConjID uint32
	// Complete lists every conjunction that matched when a soft flow decided:
	// OVS takes one of them in no defined order.
	Complete []uint32
	// Rivals are flows of the same priority that match too: OVS may take any.
	Rivals []openflow.Flow
	Note   string
}

// Flows returns the flows that the packet met, in order.
func (r Result) Flows() []openflow.Flow {
	var flows []openflow.Flow
	for _, s := range r.Steps {
		if s.Flow != nil {
			flows = append(flows, *s.Flow)
		}
	}
	return flows
}

// String prints the packet's whole way, one line a step.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "packet %s\n", r.Packet)
	for _, s := range r.Steps {
		b.WriteString(strings.Repeat("  ", s.Depth+1))
		switch {
		case s.Flow != nil:
			fmt.Fprintf(&b, "%s", s.Flow)
			if s.ConjID != 0 {
				fmt.Fprintf(&b, " [conjunction %d of %v]", s.ConjID, s.Complete)
			}
			for _, rival := range s.Rivals {
				fmt.Fprintf(&b, " [or %s]", rival)
			}
		default:
			b.WriteString(s.Note)
		}
		b.WriteByte('\n')
	}
	if len(r.Outputs) == 0 {
		b.WriteString("no output\n")
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "output %s %s\n", openflow.PortName(o.Port), o.Packet)
	}
	return b.String()
}

// ctStateText is a ct_state as ovs-ofctl prints a match of all its bits.
func ctStateText(state uint64) string {
	m, err := openflow.NewMetadata(openflow.CTState.Is(state))
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(m.String(), "ct_state=")
}
