package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// SetAsync chooses the asynchronous messages that a connection gets
// (OpenFlow 1.5 §7.3.10). What no mask names keeps its present state.
type SetAsync struct{ Masks []AsyncMask }

// AsyncMask lets messages of one kind through where bit r of Reasons is set, r
// being the message's reason.
type AsyncMask struct {
	Kind    AsyncKind
	Reasons uint32
}

// AsyncKind is a kind of message, for connections in the role of a secondary
// or in another role (OFPACPT_*).
type AsyncKind uint16

// The kinds.
const (
	AsyncPacketInSecondary    AsyncKind = 0
	AsyncPacketIn             AsyncKind = 1
	AsyncPortStatusSecondary  AsyncKind = 2
	AsyncPortStatus           AsyncKind = 3
	AsyncFlowRemovedSecondary AsyncKind = 4
	AsyncFlowRemoved          AsyncKind = 5
	AsyncRoleStatusSecondary  AsyncKind = 6
	AsyncRoleStatus           AsyncKind = 7
	AsyncTableStatusSecondary AsyncKind = 8
	AsyncTableStatus          AsyncKind = 9
	AsyncForwardSecondary     AsyncKind = 10
	AsyncForward              AsyncKind = 11
)

func (SetAsync) messageType() uint8 { return typeSetAsync }

func (m SetAsync) appendBody(b []byte) ([]byte, error) {
	for _, mask := range m.Masks {
		b = octets.Put32(octets.Put16(octets.Put16(b, uint16(mask.Kind)), 8), mask.Reasons)
	}
	return b, nil
}

func decodeSetAsync(r *octets.Reader) (Message, error) {
	var m SetAsync
	for len(r.B) > 0 {
		typ, p, err := r.Property("set async")
		if err != nil {
			return nil, err
		}
		m.Masks = append(m.Masks, AsyncMask{AsyncKind(typ), p.U32()})
		if p.End("") != nil {
			return nil, fmt.Errorf("openflow: set async: property %d is no 32-bit mask", typ)
		}
	}
	return m, nil
}
