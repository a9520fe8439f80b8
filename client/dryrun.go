package client

// DryRun has a mutation checked and worked out, and not made: Meta.Effects and
// Meta.Access say what it would do.
func DryRun() CallOption { return Query("dry_run", "true") }

// ConfirmOpenEgress makes a change although it opens egress in an account whose
// egress_open_guard is "block".
func ConfirmOpenEgress() CallOption { return Query("confirm", "open-egress") }

// AccessDiff is what a change would let through, and what not any more.
type AccessDiff struct {
	NewlyAllowed    []Access `json:"newly_allowed"`
	NoLongerAllowed []Access `json:"no_longer_allowed"`
	More            bool     `json:"more"` // than are listed
}

// Connections is how many open connections a change would cut, and which.
type Connections struct {
	Count      int             `json:"count"`       // known of
	Cut        []CutConnection `json:"connections"` // at most 100
	Complete   bool            `json:"complete"`    // there are no more
	Unanswered []string        `json:"unanswered"`  // hosts that do not say
}

// CutConnection is an open connection as a NIC's end has it, by its first packet.
type CutConnection struct {
	NIC       string `json:"nic"`
	Direction string `json:"direction"` // "egress" if the NIC began it
	TracePacket
}

// Access is one service that a group's NICs, or one NIC, may use or offer.
type Access struct {
	Group     string       `json:"group"`
	NIC       string       `json:"nic"`
	Direction string       `json:"direction"`
	Family    string       `json:"family"`
	Protocol  string       `json:"protocol"`
	PortMin   *int         `json:"port_min"`
	PortMax   *int         `json:"port_max"`
	ICMPType  *int         `json:"icmp_type"`
	ICMPCode  *int         `json:"icmp_code"`
	Remote    AccessRemote `json:"remote"`
}

// AccessRemote is the other end: everything if nothing is set.
type AccessRemote struct {
	CIDR  string `json:"cidr"`
	Group string `json:"group"`
	NIC   string `json:"nic"` // the member of the group that joins or leaves
}
