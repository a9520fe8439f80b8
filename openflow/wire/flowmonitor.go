package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// MonitorFlags say what a flow monitor sends (OFPFMF_*).
type MonitorFlags uint16

// The flags.
const (
	MonitorInitial      MonitorFlags = 1 << 0 // the flows there are at first
	MonitorAdd          MonitorFlags = 1 << 1
	MonitorRemoved      MonitorFlags = 1 << 2
	MonitorModify       MonitorFlags = 1 << 3
	MonitorInstructions MonitorFlags = 1 << 4 // with the flows' actions
	MonitorNoAbbrev     MonitorFlags = 1 << 5 // own changes in full too
	MonitorOnlyOwn      MonitorFlags = 1 << 6 // not the changes of other connections
)

// MonitorCommand is what a FlowMonitorRequest does.
type MonitorCommand uint8

// The commands.
const (
	MonitorStart  MonitorCommand = 0
	MonitorChange MonitorCommand = 1
	MonitorStop   MonitorCommand = 2
)

// FlowMonitorRequest asks to be told of changes of flows (OpenFlow 1.5 §7.3.5.18).
type FlowMonitorRequest struct {
	ID       uint32 // chosen by the controller
	Command  MonitorCommand
	Flags    MonitorFlags
	Table    uint8          // AllTables for all
	Match    openflow.Match // only flows at least as narrow
	OutPort  uint32         // only flows that output here; 0 is any
	OutGroup uint32         // only flows that use this group; 0 is any
}

// FlowEvent is what a FlowUpdate reports (OFPFME_*).
type FlowEvent uint16

// The events. FlowAbbreviated stands for the changes of the connection's own
// message with Xid; FlowPaused says that updates are left out from now on until
// FlowResumed, before which come the changes that were left out.
const (
	FlowInitial     FlowEvent = 0
	FlowAdded       FlowEvent = 1
	FlowRemovedNow  FlowEvent = 2
	FlowModified    FlowEvent = 3
	FlowAbbreviated FlowEvent = 4
	FlowPaused      FlowEvent = 5
	FlowResumed     FlowEvent = 6
)

func (FlowMonitorRequest) messageType() uint8 { return typeMultipartRequest }
func (FlowMonitorReply) messageType() uint8   { return typeMultipartReply }

// String is the event's word in ovs-ofctl monitor.
func (e FlowEvent) String() string {
	names := [...]string{"INITIAL", "ADDED", "REMOVED", "MODIFIED", "ABBREV", "PAUSED", "RESUMED"}
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("event %d", uint16(e))
}

// RemovedReason is why a flow went (OFPRR_*).
type RemovedReason uint8

// FlowUpdate is one change.
type FlowUpdate struct {
	Event       FlowEvent
	Flow        openflow.Flow // of FlowInitial to FlowModified; without actions for FlowRemovedNow
	Reason      RemovedReason // of FlowRemovedNow
	IdleTimeout uint16        // seconds; 0 is none
	HardTimeout uint16        // seconds; 0 is none
	Xid         uint32        // of FlowAbbreviated
}

// FlowMonitorReply brings changes.
type FlowMonitorReply struct {
	More    bool
	Updates []FlowUpdate
}

func (m FlowMonitorRequest) appendBody(b []byte) ([]byte, error) {
	b = octets.Put32(appendMultipart(b, multipartFlowMonitor, false), m.ID)
	b = octets.Put32(octets.Put32(b, orAny(m.OutPort)), orAny(m.OutGroup))
	b = append(octets.Put16(b, uint16(m.Flags)), m.Table, byte(m.Command))
	return appendMatch(b, m.Match), nil
}

func decodeFlowMonitorRequest(r *octets.Reader) (Message, error) {
	m := FlowMonitorRequest{ID: r.U32(), OutPort: orZero(r.U32()), OutGroup: orZero(r.U32())}
	m.Flags, m.Table, m.Command = MonitorFlags(r.U16()), r.U8(), MonitorCommand(r.U8())
	if err := r.Err("flow monitor"); err != nil {
		return nil, err
	}
	var err error
	m.Match, err = readMatch(r)
	return m, err
}

func (m FlowMonitorReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartFlowMonitor, m.More)
	for _, u := range m.Updates {
		start := len(b)
		b = octets.Put16(append(b, 0, 0), uint16(u.Event))
		switch u.Event {
		case FlowAbbreviated:
			b = octets.Put32(b, u.Xid)
		case FlowPaused, FlowResumed:
			b = octets.Put32(b, 0)
		default:
			b = append(b, u.Flow.Table, byte(u.Reason))
			b = octets.Put16(octets.Put16(octets.Put16(b, u.IdleTimeout), u.HardTimeout), u.Flow.Priority)
			b = octets.Put64(octets.Zeros(b, 4), u.Flow.Cookie)
			b = append(appendMatch(b, u.Flow.Match), u.Flow.Actions.Instructions()...)
		}
		n := len(b) - start
		if n > openflow.MaxMessage {
			return nil, fmt.Errorf("openflow: flow update of %d bytes: %w", n, openflow.ErrTooLong)
		}
		b[start], b[start+1] = byte(n>>8), byte(n)
	}
	return b, nil
}

func decodeFlowUpdates(r *octets.Reader) ([]FlowUpdate, error) {
	var updates []FlowUpdate
	for len(r.B) > 0 {
		n := int(r.U16())
		u := FlowUpdate{Event: FlowEvent(r.U16())}
		if n < 8 {
			return nil, fmt.Errorf("openflow: flow update of %d bytes", n)
		}
		e := r.Entry(n, 4)
		switch u.Event {
		case FlowInitial, FlowAdded, FlowRemovedNow, FlowModified:
			if err := u.decodeFull(e); err != nil {
				return nil, err
			}
		case FlowAbbreviated:
			u.Xid = e.U32()
		case FlowPaused, FlowResumed:
			e.Skip(4)
		default:
			return nil, fmt.Errorf("openflow: flow update of unknown event %d", u.Event)
		}
		if err := e.End("flow update"); err != nil {
			return nil, err
		}
		updates = append(updates, u)
	}
	return updates, nil
}

func (u *FlowUpdate) decodeFull(r *octets.Reader) error {
	u.Flow.Table, u.Reason = r.U8(), RemovedReason(r.U8())
	u.IdleTimeout, u.HardTimeout, u.Flow.Priority = r.U16(), r.U16(), r.U16()
	r.Skip(4)
	u.Flow.Cookie = r.U64()
	if err := r.Err("flow update"); err != nil {
		return err
	}
	var err error
	if u.Flow.Match, err = readMatch(r); err != nil {
		return err
	}
	u.Flow.Actions, err = openflow.DecodeInstructions(r.Take(len(r.B)))
	return err
}
