// Package wire is the protocol between a host and a relay: the messages of the one
// stream that a host has (wire.proto, and the Go code that is generated of it), and
// their conversion from and to what package span has. It does no I/O.
//
//	host                                     relay
//	 │ Hello: who, what it has, what is plugged  │
//	 ├──────────────────────────────────────────►│
//	 │  Welcome, Delta (full, or what differs)   │   or Goodbye, with the reason
//	 │◄──────────────────────────────────────────┤
//	 │ Applied, Plugs, Status, Answer, Judge,    │
//	 │ Look                                      │
//	 ├──────────────────────────────────────────►│
//	 │  Delta, PlugsAt, Ask, Judgement, Looked   │
//	 │◄──────────────────────────────────────────┤
//
// The policy goes as messages of its own, not as the records that etcd has: a share
// is resolved, and leaves out what decides nothing at a host.
//
// # Versions
//
// Fields and kinds of messages that somebody does not know are passed over, so most
// of what is new is a new field. Three things keep that from being a hole:
//
//   - An object of the policy says what a host must understand to enforce it
//     (min_level, as min_reader in the store). Where that is more than the host does,
//     or a value is one that it does not know, the object is closed there: it allows
//     less, never more, and the host says so (Fault).
//   - What a host must not pass over is sent to hosts alone that named it among the
//     capabilities of their Hello.
//   - What cannot be told apart so is a new version of the protocol. Both ends speak
//     the older one of their newest; if one of them does not any more, it refuses in
//     words (Agree).
package wire

import "fmt"

// The versions of the protocol that this program speaks.
const (
	Version = 1 // the newest
	Oldest  = 1
)

// Level is what of the policy this program understands: objects that need more are
// closed. It is a number of the protocol's own, and counts what min_level counts.
const Level = 1

const (
	// MaxMessage bounds a message that is received, in bytes.
	MaxMessage = 4 << 20
	// PartSize is how long a part of a delta, or of an answer, is at most; a single
	// object may be longer.
	PartSize = 256 << 10
)

// Agree returns the version that this program speaks with somebody whose newest one
// is given.
func Agree(newest uint32) (uint32, error) {
	switch {
	case newest == 0:
		return 0, fmt.Errorf("the other end names no version of the protocol between hosts and relays")
	case newest < Oldest:
		return 0, fmt.Errorf("the other end speaks version %d of the protocol between hosts and relays, and this one %d to %d: upgrade the other one first", newest, Oldest, Version)
	}
	return min(newest, Version), nil
}
