package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

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
}

func (PortDescRequest) messageType() uint8 { return typeMultipartRequest }
func (PortDescReply) messageType() uint8   { return typeMultipartReply }

const (
	portLen     = 40 // of a port without properties
	portNameLen = 16
)

func (m PortDescRequest) appendBody(b []byte) ([]byte, error) {
	return octets.Put32(octets.Put32(appendMultipart(b, multipartPortDesc, false), orAny(m.Port)), 0), nil
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

func (p Port) append(b []byte) ([]byte, error) {
	b = octets.Zeros(octets.Put16(octets.Put32(b, p.Number), portLen), 2)
	b = octets.Zeros(append(b, p.MAC[:]...), 2)
	b, err := appendString(b, p.Name, portNameLen)
	if err != nil {
		return nil, err
	}
	return octets.Zeros(b, 8), nil // config and state
}

func decodePorts(r *octets.Reader) ([]Port, error) {
	var ports []Port
	for len(r.B) > 0 {
		p, err := decodePort(r)
		if err != nil {
			return nil, err
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// decodePort reads a port; its properties (speeds) are skipped.
func decodePort(r *octets.Reader) (Port, error) {
	p := Port{Number: r.U32()}
	n := int(r.U16())
	if n < portLen {
		return p, fmt.Errorf("openflow: port of %d bytes", n)
	}
	e := r.Entry(n, 6)
	e.Skip(2)
	copy(p.MAC[:], e.Take(6))
	e.Skip(2)
	p.Name = e.Text(portNameLen)
	e.Skip(8) // config and state
	return p, e.Err("port")
}

// appendString adds a string in n bytes, the last of which is zero.
func appendString(b []byte, s string, n int) ([]byte, error) {
	if len(s) >= n {
		return nil, fmt.Errorf("openflow: %q is longer than %d bytes", s, n-1)
	}
	return append(append(b, s...), make([]byte, n-len(s))...), nil
}
