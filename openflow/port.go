package openflow

import "fmt"

// PortDescRequest asks for the bridge's ports.
type PortDescRequest struct {
	Port uint32 // 0 is all
}

// PortDescReply is part of the answer to a PortDescRequest.
type PortDescReply struct {
	More  bool // another part follows
	Ports []Port
}

// Port describes an ofport (OpenFlow 1.5 §7.2.1).
type Port struct {
	Number uint32
	MAC    [6]byte
	Name   string // at most 15 bytes: longer names are cut off
	Config uint32 // bits of PortDown, …
	State  uint32 // bits of PortLinkDown, …
}

// Bits of Port.Config and Port.State.
const (
	PortDown = 1 << 0 // in Config: switched off

	PortLinkDown = 1 << 0 // in State
	PortBlocked  = 1 << 1
	PortLive     = 1 << 2
)

// PortStatus reports that a port came, went or changed.
type PortStatus struct {
	Reason PortReason
	Port   Port
}

// PortReason is what happened to a port (OFPPR_*).
type PortReason uint8

// The reasons.
const (
	PortAdded   PortReason = 0
	PortDeleted PortReason = 1
	PortChanged PortReason = 2
)

func (PortDescRequest) messageType() uint8 { return typeMultipartRequest }
func (PortDescReply) messageType() uint8   { return typeMultipartReply }
func (PortStatus) messageType() uint8      { return typePortStatus }

const (
	portLen     = 40 // of a port without properties
	portNameLen = 16
)

func (m PortDescRequest) appendBody(b []byte) ([]byte, error) {
	return put32(put32(appendMultipart(b, multipartPortDesc, false), orAny(m.Port)), 0), nil
}

func (m PortDescReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartPortDesc, m.More)
	var err error
	for _, p := range m.Ports {
		if b, err = p.append(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (m PortStatus) appendBody(b []byte) ([]byte, error) {
	return m.Port.append(zeros(append(b, byte(m.Reason)), 7))
}

func (p Port) append(b []byte) ([]byte, error) {
	b = zeros(put16(put32(b, p.Number), portLen), 2)
	b = zeros(append(b, p.MAC[:]...), 2)
	b, err := appendString(b, p.Name, portNameLen)
	if err != nil {
		return nil, err
	}
	return put32(put32(b, p.Config), p.State), nil
}

func decodePorts(r *reader) ([]Port, error) {
	var ports []Port
	for len(r.b) > 0 {
		p, err := decodePort(r)
		if err != nil {
			return nil, err
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// decodePort reads a port; its properties (speeds) are skipped.
func decodePort(r *reader) (Port, error) {
	p := Port{Number: r.u32()}
	n := int(r.u16())
	if n < portLen {
		return p, fmt.Errorf("openflow: port of %d bytes", n)
	}
	e := r.entry(n, 6)
	e.skip(2)
	copy(p.MAC[:], e.take(6))
	e.skip(2)
	p.Name = e.text(portNameLen)
	p.Config, p.State = e.u32(), e.u32()
	return p, e.err("port")
}

func decodePortStatus(r *reader) (Message, error) {
	m := PortStatus{Reason: PortReason(r.u8())}
	r.skip(7)
	var err error
	m.Port, err = decodePort(r)
	return m, err
}
