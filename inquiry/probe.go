package inquiry

// The parts of a probe: the host of the destination NIC begins to look for the
// packet, the source's sends it (and looks, where both are the same), then the
// first one tells what it saw.
const (
	ProbeArm     = "arm"     // → an empty ProbeAnswer
	ProbeSend    = "send"    // → what became of the packet on this host
	ProbeCollect = "collect" // → what became of it on this host
)

// ProbeQuestion has a host take part in a probe: the real first packet of a
// connection, sent once.
type ProbeQuestion struct {
	ID   string `json:"id"`
	Part string `json:"part"`
	// Mark is what tells the packet from others with its tuple.
	Mark [8]byte `json:"mark"`
	TraceQuestion
}

// ProbeAnswer has the legs that were asked for.
type ProbeAnswer struct {
	Egress  *ProbeLeg `json:"egress,omitempty"`
	Ingress *ProbeLeg `json:"ingress,omitempty"`
}

// ProbeLeg is what became of the packet at one NIC.
type ProbeLeg struct {
	Verdict Verdict `json:"verdict"` // Unknown: it was not seen
	Reason  string  `json:"reason"`  // "passed", "delivered", "not-seen", or why it was dropped
	Detail  string  `json:"detail,omitempty"`
	// Table is where; of no meaning if it was not seen.
	Table     uint8  `json:"table"`
	TableName string `json:"table_name,omitempty"`
}
