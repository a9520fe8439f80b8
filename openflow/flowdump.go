package openflow

import (
	"fmt"
	"time"
)

// FlowDescRequest asks for the flows that it covers (OFPMP_FLOW_DESC). The
// zero FlowDescRequest covers table 0 only.
type FlowDescRequest struct {
	Table      uint8  // AllTables for all
	Cookie     uint64 // only flows with this cookie, in the bits of CookieMask
	CookieMask uint64
	Match      Match  // only flows at least as narrow
	OutPort    uint32 // only flows that output here; 0 is any
	OutGroup   uint32 // only flows that use this group; 0 is any
}

// FlowDescReply is part of the answer to a FlowDescRequest.
type FlowDescReply struct {
	More  bool // another part follows
	Flows []FlowStats
}

// FlowStats is a flow and what happened to it.
type FlowStats struct {
	Flow
	Packets, Bytes uint64
	Duration       time.Duration // since it was put in place
	Idle           time.Duration // since it last matched
	IdleTimeout    uint16        // seconds; 0 is none
	HardTimeout    uint16        // seconds; 0 is none
	Importance     uint16
	Flags          FlowFlags
}

func (FlowDescRequest) messageType() uint8 { return typeMultipartRequest }
func (FlowDescReply) messageType() uint8   { return typeMultipartReply }

func (m FlowDescRequest) appendBody(b []byte) ([]byte, error) {
	b = zeros(append(appendMultipart(b, multipartFlowDesc, false), m.Table), 3)
	b = put32(put32(b, orAny(m.OutPort)), orAny(m.OutGroup))
	b = put64(put64(zeros(b, 4), m.Cookie), m.CookieMask)
	return appendMatch(b, m.Match), nil
}

func decodeFlowDescRequest(r *reader) (FlowDescRequest, error) {
	m := FlowDescRequest{Table: r.u8()}
	r.skip(3)
	m.OutPort, m.OutGroup = orZero(r.u32()), orZero(r.u32())
	r.skip(4)
	m.Cookie, m.CookieMask = r.u64(), r.u64()
	if err := r.err("flow request"); err != nil {
		return m, err
	}
	var err error
	m.Match, err = r.match()
	return m, err
}

func (m FlowDescReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartFlowDesc, m.More)
	for _, f := range m.Flows {
		start := len(b)
		b = append(b, 0, 0, 0, 0, f.Table, 0)
		b = put16(put16(put16(b, f.Priority), f.IdleTimeout), f.HardTimeout)
		b = put64(put16(put16(b, uint16(f.Flags)), f.Importance), f.Cookie)
		b = appendMatch(b, f.Match)
		b = oxs{duration: f.Duration, idle: f.Idle, packets: f.Packets, bytes: f.Bytes}.appendFlow(b)
		b = append(b, f.Actions.instructions...)
		n := len(b) - start
		if n > maxMessage {
			return nil, fmt.Errorf("openflow: flow of %d bytes: %w", n, ErrTooLong)
		}
		b[start], b[start+1] = byte(n>>8), byte(n)
	}
	return b, nil
}

func decodeFlowStats(r *reader) ([]FlowStats, error) {
	var flows []FlowStats
	seen := map[string]Actions{} // many flows do the same: decoded and held once
	for len(r.b) > 0 {
		n := int(r.u16())
		if n < 24 {
			return nil, fmt.Errorf("openflow: flow description of %d bytes", n)
		}
		e := r.entry(n, 2)
		f, err := decodeFlowEntry(e, seen)
		if err != nil {
			return nil, err
		}
		flows = append(flows, f)
	}
	return flows, nil
}

func decodeFlowEntry(r *reader, seen map[string]Actions) (f FlowStats, err error) {
	r.skip(2)
	f.Table = r.u8()
	r.skip(1)
	f.Priority, f.IdleTimeout, f.HardTimeout = r.u16(), r.u16(), r.u16()
	f.Flags, f.Importance = FlowFlags(r.u16()), r.u16()
	f.Cookie = r.u64()
	if err := r.err("flow description"); err != nil {
		return f, err
	}
	if f.Match, err = r.match(); err != nil {
		return f, err
	}
	stats, err := decodeOXS(r)
	if err != nil {
		return f, err
	}
	f.Duration, f.Idle, f.Packets, f.Bytes = stats.duration, stats.idle, stats.packets, stats.bytes
	if a, ok := seen[string(r.b)]; ok {
		f.Actions, r.b = a, nil
		return f, nil
	}
	if f.Actions, err = r.instructions(); err == nil {
		seen[f.Actions.instructions] = f.Actions
	}
	return f, err
}
