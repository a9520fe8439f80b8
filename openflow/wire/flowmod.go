package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// FlowCommand is what a FlowMod does (OpenFlow 1.5 §7.3.4.2).
type FlowCommand uint8

// The commands. Add replaces a flow with the same key. The strict commands
// concern the one flow with the same key; the others all flows that the match
// covers, in the table, or in all tables if it is AllTables.
const (
	FlowAdd          FlowCommand = 0
	FlowModify       FlowCommand = 1
	FlowModifyStrict FlowCommand = 2
	FlowDelete       FlowCommand = 3
	FlowDeleteStrict FlowCommand = 4
)

// AllTables stands for every table where one is asked for (OFPTT_ALL).
const AllTables = 0xff

// FlowFlags are flags of a flow (OFPFF_*).
type FlowFlags uint16

// FlowMod changes the flow table.
type FlowMod struct {
	Command     FlowCommand
	Flow        openflow.Flow
	CookieMask  uint64 // modify and delete: only flows with Flow.Cookie in these bits
	IdleTimeout uint16 // seconds; 0 is none
	HardTimeout uint16 // seconds; 0 is none
	Importance  uint16 // for eviction
	OutPort     uint32 // delete: only flows that output here; 0 is any
	OutGroup    uint32 // delete: only flows that use this group; 0 is any
	Flags       FlowFlags
}

// AddFlow is the message that puts a flow in place.
func AddFlow(f openflow.Flow) FlowMod { return FlowMod{Command: FlowAdd, Flow: f} }

// DeleteFlow is the message that takes the flow with this key away.
func DeleteFlow(k openflow.FlowKey) FlowMod {
	return FlowMod{Command: FlowDeleteStrict, Flow: openflow.Flow{Table: k.Table, Priority: k.Priority, Match: k.Match}}
}

func (FlowMod) messageType() uint8 { return typeFlowMod }

const (
	anyPort  = 0xffffffff // OFPP_ANY
	anyGroup = 0xffffffff // OFPG_ANY
	noBuffer = 0xffffffff // OFP_NO_BUFFER
)

func (m FlowMod) appendBody(b []byte) ([]byte, error) {
	start := len(b)
	b = octets.Put64(octets.Put64(b, m.Flow.Cookie), m.CookieMask)
	b = append(b, m.Flow.Table, byte(m.Command))
	b = octets.Put16(octets.Put16(octets.Put16(b, m.IdleTimeout), m.HardTimeout), m.Flow.Priority)
	b = octets.Put32(b, noBuffer)
	b = octets.Put32(octets.Put32(b, orAny(m.OutPort)), orAny(m.OutGroup))
	b = octets.Put16(octets.Put16(b, uint16(m.Flags)), m.Importance)
	b = appendMatch(b, m.Flow.Match)
	b = append(b, m.Flow.Actions.Instructions()...)
	if n := len(b) - start - 40 + openflow.DumpOverhead; n > openflow.MaxMessage {
		return nil, fmt.Errorf("openflow: flow of %d bytes in a dump: %w", n, openflow.ErrTooLong)
	}
	return b, nil
}

func orAny(n uint32) uint32 {
	if n == 0 {
		return anyPort
	}
	return n
}

func orZero(n uint32) uint32 {
	if n == anyPort {
		return 0
	}
	return n
}

func decodeFlowMod(r *octets.Reader) (Message, error) {
	var m FlowMod
	m.Flow.Cookie, m.CookieMask = r.U64(), r.U64()
	m.Flow.Table, m.Command = r.U8(), FlowCommand(r.U8())
	m.IdleTimeout, m.HardTimeout, m.Flow.Priority = r.U16(), r.U16(), r.U16()
	r.Skip(4)
	m.OutPort, m.OutGroup = orZero(r.U32()), orZero(r.U32())
	m.Flags, m.Importance = FlowFlags(r.U16()), r.U16()
	if err := r.Err("flow mod"); err != nil {
		return nil, err
	}
	var err error
	if m.Flow.Match, err = readMatch(r); err != nil {
		return nil, err
	}
	m.Flow.Actions, err = openflow.DecodeInstructions(r.Take(len(r.B)))
	return m, err
}
