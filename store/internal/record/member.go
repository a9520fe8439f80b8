package record

import "time"

// ClusterRecord is the level up to which records may be written.
type ClusterRecord struct {
	Header
	Level Level `json:"level"`
}

// MemberRecord is a process that reads the records of others.
type MemberRecord struct {
	Header
	Reads   Level  `json:"reads"`
	Version string `json:"version,omitempty"`
	// Instance and Machine say which one it is, for programs and for people.
	Instance string `json:"instance,omitempty"`
	Machine  string `json:"machine,omitempty"`
	Since    Stamp  `json:"since,omitempty"` // by its own clock
}

// Member is the member that said so.
func (m MemberRecord) Member(kind MemberKind, id string) ClusterMember {
	return ClusterMember{Kind: kind, ID: id, Reads: m.Reads, Version: m.Version, Instance: m.Instance, Machine: m.Machine, Since: m.Since.time()}
}

// MemberToRecord makes the value by which a member says what it understands.
func MemberToRecord(m ClusterMember) MemberRecord {
	return MemberRecord{Header: Current, Reads: m.Reads, Version: m.Version, Instance: m.Instance, Machine: m.Machine, Since: StampOf(m.Since)}
}

// MemberKind says what a member of the cluster is.
type MemberKind string

// The kinds of members.
const (
	MemberAPI  MemberKind = "api"
	MemberHost MemberKind = "host"
)

// ClusterMember is a process that reads the records of others: an API, or a host's
// controller.
type ClusterMember struct {
	Kind     MemberKind
	ID       string
	Reads    Level     // what it understands
	Version  string    // of Ringfence; "" is not known
	Instance string    // like no other's
	Machine  string    // for people
	Since    time.Time // by its own clock; zero is not known
	// Seated says that a host's controller holds the host's name, which ends
	// soon after it. Rival is who else reports under that name and is refused,
	// nil for nobody.
	Seated bool
	Rival  *ClusterMember
}
