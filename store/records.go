package store

import "github.com/ringfence/ringfence/store/internal/record"

// HostStatus and what follows are what the store carries, as package record has it: the
// comments are there.
type (
	HostStatus    = record.HostStatus
	HostNIC       = record.HostNIC
	Write         = record.Write
	RelayStanding = record.RelayStanding
	Plug          = record.Plug
	ClusterMember = record.ClusterMember
	MemberKind    = record.MemberKind
	Level         = record.Level
	RecordError   = record.Error
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

// ErrNewerRecord is as package record has it.
var ErrNewerRecord = record.ErrNewerRecord
