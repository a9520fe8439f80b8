package openflow

import "fmt"

// PacketOut has the switch run actions on a packet (OpenFlow 1.5 §7.3.6).
type PacketOut struct {
	InPort   uint32  // where it seems to come from: an ofport, or PortController
	Metadata Match   // registers and other pipeline fields; without InPort
	Actions  Actions // Output{Port: PortTable} sends it through the flow tables
	Packet   []byte
}

func (PacketOut) messageType() uint8 { return typePacketOut }

func (m PacketOut) appendBody(b []byte) ([]byte, error) {
	if !validPort(m.InPort) || m.InPort == 0 {
		return nil, fmt.Errorf("openflow: packet out: no input port %#x", m.InPort)
	}
	match, err := joinTerms(append(m.Metadata.Terms(), InPort.Is(uint64(m.InPort))), false)
	if err != nil {
		return nil, fmt.Errorf("openflow: packet out: %w", err)
	}
	match.tlvs += m.Metadata.opaque()
	list, err := m.Actions.list()
	if err != nil {
		return nil, fmt.Errorf("openflow: packet out: %w", err)
	}
	b = zeros(put16(put32(b, noBuffer), uint16(len(list))), 2)
	b = append(appendMatch(b, match), list...)
	return append(b, m.Packet...), nil
}

func decodePacketOut(r *reader) (Message, error) {
	var m PacketOut
	r.skip(4)
	n := int(r.u16())
	r.skip(2)
	if err := r.err("packet out"); err != nil {
		return nil, err
	}
	match, err := r.match()
	if err != nil {
		return nil, err
	}
	terms := match.Terms()
	for i, t := range terms {
		if t.field == InPort {
			p, _ := t.Uint64()
			m.InPort = uint32(p)
			terms = append(terms[:i], terms[i+1:]...)
			break
		}
	}
	if !validPort(m.InPort) || m.InPort == 0 {
		return nil, fmt.Errorf("openflow: packet out: no input port")
	}
	if m.Metadata, err = joinTerms(terms, false); err != nil {
		return nil, err
	}
	m.Metadata.tlvs += match.opaque()
	list := r.entry(n, 0)
	if m.Actions, err = list.actions(); err != nil {
		return nil, err
	}
	if list.short {
		r.short = true
	}
	m.Packet = r.rest()
	return m, nil
}
