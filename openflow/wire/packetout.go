package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// PacketOut has the switch run actions on a packet (OpenFlow 1.5 §7.3.6).
type PacketOut struct {
	InPort   uint32           // where it seems to come from: an ofport, or PortController
	Metadata openflow.Match   // registers and other pipeline fields; without InPort
	Actions  openflow.Actions // Output{Port: PortTable} sends it through the flow tables
	Packet   []byte
}

func (PacketOut) messageType() uint8 { return typePacketOut }

func (m PacketOut) appendBody(b []byte) ([]byte, error) {
	if !openflow.ValidPort(m.InPort) || m.InPort == 0 {
		return nil, fmt.Errorf("openflow: packet out: no input port %#x", m.InPort)
	}
	match, err := openflow.DecodeMatch([]byte(openflow.MustMatch(openflow.InPort.Is(uint64(m.InPort))).OXM() + m.Metadata.OXM()))
	if err != nil {
		return nil, fmt.Errorf("openflow: packet out: %w", err)
	}
	list, err := m.Actions.Bare()
	if err != nil {
		return nil, fmt.Errorf("openflow: packet out: %w", err)
	}
	b = octets.Zeros(octets.Put16(octets.Put32(b, noBuffer), uint16(len(list))), 2)
	b = append(appendMatch(b, match), list...)
	return append(b, m.Packet...), nil
}

func decodePacketOut(r *octets.Reader) (Message, error) {
	var m PacketOut
	r.Skip(4)
	n := int(r.U16())
	r.Skip(2)
	if err := r.Err("packet out"); err != nil {
		return nil, err
	}
	match, err := readMatch(r)
	if err != nil {
		return nil, err
	}
	port, _, _ := match.Uint64(openflow.InPort)
	if m.InPort = uint32(port); !openflow.ValidPort(m.InPort) || m.InPort == 0 {
		return nil, fmt.Errorf("openflow: packet out: no input port")
	}
	m.Metadata = match.Without(openflow.InPort)
	list := r.Entry(n, 0)
	if m.Actions, err = openflow.DecodeBare(list.Take(len(list.B))); err != nil {
		return nil, err
	}
	if list.Short {
		r.Short = true
	}
	m.Packet = r.Rest()
	return m, nil
}
