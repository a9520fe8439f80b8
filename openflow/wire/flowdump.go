package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// FlowDescRequest asks for the flows that it covers (OFPMP_FLOW_DESC). The
// zero FlowDescRequest covers table 0 only.
type FlowDescRequest struct {
	Table      uint8  // AllTables for all
	Cookie     uint64 // only flows with this cookie, in the bits of CookieMask
	CookieMask uint64
	Match      openflow.Match // only flows at least as narrow
	OutPort    uint32         // only flows that output here; 0 is any
	OutGroup   uint32         // only flows that use this group; 0 is any
}

// FlowDescReply is part of the answer to a FlowDescRequest.
type FlowDescReply struct {
	More  bool // another part follows
	Flows []FlowStats
}

// FlowStats is a flow and what happened to it.
type FlowStats struct {
	openflow.Flow
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
	b = octets.Zeros(append(appendMultipart(b, multipartFlowDesc, false), m.Table), 3)
	b = octets.Put32(octets.Put32(b, orAny(m.OutPort)), orAny(m.OutGroup))
	b = octets.Put64(octets.Put64(octets.Zeros(b, 4), m.Cookie), m.CookieMask)
	return appendMatch(b, m.Match), nil
}

func decodeFlowDescRequest(r *octets.Reader) (FlowDescRequest, error) {
	m := FlowDescRequest{Table: r.U8()}
	r.Skip(3)
	m.OutPort, m.OutGroup = orZero(r.U32()), orZero(r.U32())
	r.Skip(4)
	m.Cookie, m.CookieMask = r.U64(), r.U64()
	if err := r.Err("flow request"); err != nil {
		return m, err
	}
	var err error
	m.Match, err = readMatch(r)
	return m, err
}

func (m FlowDescReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartFlowDesc, m.More)
	for _, f := range m.Flows {
		start := len(b)
		b = append(b, 0, 0, 0, 0, f.Table, 0)
		b = octets.Put16(octets.Put16(octets.Put16(b, f.Priority), f.IdleTimeout), f.HardTimeout)
		b = octets.Put64(octets.Put16(octets.Put16(b, uint16(f.Flags)), f.Importance), f.Cookie)
		b = appendMatch(b, f.Match)
		b = oxs{duration: f.Duration, idle: f.Idle, packets: f.Packets, bytes: f.Bytes}.appendFlow(b)
		b = append(b, f.Actions.Instructions()...)
		n := len(b) - start
		if n > openflow.MaxMessage {
			return nil, fmt.Errorf("openflow: flow of %d bytes: %w", n, openflow.ErrTooLong)
		}
		b[start], b[start+1] = byte(n>>8), byte(n)
	}
	return b, nil
}

func decodeFlowStats(r *octets.Reader) ([]FlowStats, error) {
	flows := make([]FlowStats, 0, countFlows(r.B))
	seen := map[string]openflow.Actions{} // many flows do the same: decoded and held once
	for len(r.B) > 0 {
		n := int(r.U16())
		if n < 24 {
			return nil, fmt.Errorf("openflow: flow description of %d bytes", n)
		}
		e := r.Entry(n, 2)
		f, err := decodeFlowEntry(e, seen)
		if err != nil {
			return nil, err
		}
		flows = append(flows, f)
	}
	return flows, nil
}

// countFlows goes by the lengths with which descriptions of flows begin.
func countFlows(b []byte) (n int) {
	for len(b) >= 24 {
		size := int(binary.BigEndian.Uint16(b))
		b = b[min(max(size, 24), len(b)):]
		n++
	}
	return n
}

func decodeFlowEntry(r *octets.Reader, seen map[string]openflow.Actions) (f FlowStats, err error) {
	r.Skip(2)
	f.Table = r.U8()
	r.Skip(1)
	f.Priority, f.IdleTimeout, f.HardTimeout = r.U16(), r.U16(), r.U16()
	f.Flags, f.Importance = FlowFlags(r.U16()), r.U16()
	f.Cookie = r.U64()
	if err := r.Err("flow description"); err != nil {
		return f, err
	}
	if f.Match, err = readMatch(r); err != nil {
		return f, err
	}
	stats, err := decodeOXS(r)
	if err != nil {
		return f, err
	}
	f.Duration, f.Idle, f.Packets, f.Bytes = stats.duration, stats.idle, stats.packets, stats.bytes
	if a, ok := seen[string(r.B)]; ok {
		f.Actions, r.B = a, nil
		return f, nil
	}
	if f.Actions, err = openflow.DecodeInstructions(r.Take(len(r.B))); err == nil {
		seen[f.Actions.Instructions()] = f.Actions
	}
	return f, err
}
