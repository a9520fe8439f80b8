package store

import "github.com/ringfence/ringfence/store/internal/record"

// What the store carries, as package record has it.
type (
	// HostStatus is what a host reports about itself.
	HostStatus = record.HostStatus
	// HostNIC is a NIC plugged at a host.
	HostNIC = record.HostNIC
	// Write is a mutation of the policy that somebody saw.
	Write = record.Write
	// RelayStanding is how the hosts stand that have their stream at a relay.
	RelayStanding = record.RelayStanding
	// Plug is a NIC plugged at a host, as that host tells the other hosts.
	Plug = record.Plug
	// ClusterMember is a process that uses the store, and what it understands.
	ClusterMember = record.ClusterMember
	// MemberKind says what a member is.
	MemberKind = record.MemberKind
	// Level is what a version of Ringfence understands of the records.
	Level = record.Level
	// RecordError says that the value of a key cannot be read.
	RecordError = record.Error
)

// The kinds of members.
const (
	MemberAPI  = record.MemberAPI
	MemberHost = record.MemberHost
)

// The levels, see Level.
const (
	LevelFirst     = record.LevelFirst
	LevelContract  = record.LevelContract
	LevelPlacement = record.LevelPlacement
	LevelNow       = record.LevelNow
)

// ErrNewerRecord is the cause of a RecordError on a record that a newer
// version of Ringfence wrote.
var ErrNewerRecord = record.ErrNewerRecord
