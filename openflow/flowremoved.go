package openflow

import "time"

// RemovedReason is why a flow went (OFPRR_*).
type RemovedReason uint8

// The reasons.
const (
	RemovedIdle     RemovedReason = 0
	RemovedHard     RemovedReason = 1
	RemovedDelete   RemovedReason = 2
	RemovedGroup    RemovedReason = 3 // its group was deleted
	RemovedMeter    RemovedReason = 4 // its meter was deleted
	RemovedEviction RemovedReason = 5
)

// FlowRemoved reports that a flow with the flag FlowSendRemoved went.
type FlowRemoved struct {
	Flow           Flow // without actions
	Reason         RemovedReason
	Packets, Bytes uint64
	Duration       time.Duration
	Idle           time.Duration
	IdleTimeout    uint16 // seconds; 0 is none
	HardTimeout    uint16 // seconds; 0 is none
}

func (FlowRemoved) messageType() uint8 { return typeFlowRemoved }

func (m FlowRemoved) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.Flow.Table, byte(m.Reason))
	b = put16(put16(put16(b, m.Flow.Priority), m.IdleTimeout), m.HardTimeout)
	b = appendMatch(put64(b, m.Flow.Cookie), m.Flow.Match)
	return oxs{duration: m.Duration, idle: m.Idle, packets: m.Packets, bytes: m.Bytes}.appendFlow(b), nil
}

func decodeFlowRemoved(r *reader) (Message, error) {
	var m FlowRemoved
	m.Flow.Table, m.Reason = r.u8(), RemovedReason(r.u8())
	m.Flow.Priority, m.IdleTimeout, m.HardTimeout = r.u16(), r.u16(), r.u16()
	m.Flow.Cookie = r.u64()
	if err := r.err("flow removed"); err != nil {
		return nil, err
	}
	var err error
	if m.Flow.Match, err = r.match(); err != nil {
		return nil, err
	}
	s, err := decodeOXS(r)
	m.Duration, m.Idle, m.Packets, m.Bytes = s.duration, s.idle, s.packets, s.bytes
	return m, err
}
