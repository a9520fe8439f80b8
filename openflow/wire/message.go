package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// Version is the version number of OpenFlow 1.5 on the wire.
const Version = 6

// HeaderLen is the length in bytes of an OpenFlow header.
const HeaderLen = 8

// Message is one of the message structs of this package.
type Message interface {
	messageType() uint8
	// appendBody adds what follows the header.
	appendBody(b []byte) ([]byte, error)
}

// Message types of OpenFlow 1.5 §7.1.
const (
	typeHello            = 0
	typeError            = 1
	typeEchoRequest      = 2
	typeEchoReply        = 3
	typeExperimenter     = 4
	typeSetConfig        = 9
	typePacketIn         = 10
	typePacketOut        = 13
	typeFlowMod          = 14
	typeMultipartRequest = 18
	typeMultipartReply   = 19
	typeBarrierRequest   = 20
	typeBarrierReply     = 21
	typeSetAsync         = 28
	typeMeterMod         = 29
	typeBundleControl    = 33
	typeBundleAdd        = 34
)

// Append encodes m with its header and adds it to b. A message longer than
// 65,535 bytes is refused with ErrTooLong.
func Append(b []byte, xid uint32, m Message) ([]byte, error) {
	start := len(b)
	b = append(b, Version, m.messageType(), 0, 0)
	b, err := m.appendBody(octets.Put32(b, xid))
	if err != nil {
		return nil, err
	}
	n := len(b) - start
	if n > openflow.MaxMessage {
		return nil, fmt.Errorf("openflow: %T of %d bytes: %w", m, n, openflow.ErrTooLong)
	}
	octets.SetLen(b[start:], n)
	return b, nil
}

// MessageLen is the length in bytes of the message that header starts, the
// header included. header has at least HeaderLen bytes.
func MessageLen(header []byte) (int, error) {
	if len(header) < HeaderLen {
		return 0, fmt.Errorf("openflow: header: %w", octets.ErrTruncated)
	}
	n := int(binary.BigEndian.Uint16(header[2:]))
	if n < HeaderLen {
		return 0, fmt.Errorf("openflow: header: message of %d bytes", n)
	}
	return n, nil
}

// Raw is a message of a type that this package does not know.
type Raw struct {
	Type uint8
	Body []byte
}

func (m Raw) messageType() uint8                  { return m.Type }
func (m Raw) appendBody(b []byte) ([]byte, error) { return append(b, m.Body...), nil }

// Decode decodes the one message that b is. What it returns shares no memory
// with b.
func Decode(b []byte) (xid uint32, m Message, err error) {
	n, err := MessageLen(b)
	if err != nil {
		return 0, nil, err
	}
	if n != len(b) {
		return 0, nil, fmt.Errorf("openflow: message of %d bytes in %d", n, len(b))
	}
	xid = binary.BigEndian.Uint32(b[4:])
	if b[0] != Version && b[1] != typeHello && b[1] != typeError {
		return xid, nil, fmt.Errorf("openflow: version %d in a message of type %d", b[0], b[1])
	}
	r := &octets.Reader{B: b[HeaderLen:]}
	m, err = decodeBody(b[1], r)
	if err == nil {
		err = r.End(fmt.Sprintf("%T", m))
	}
	if err != nil {
		return xid, nil, err
	}
	return xid, m, nil
}

func decodeBody(typ uint8, r *octets.Reader) (Message, error) {
	switch typ {
	case typeHello:
		return decodeHello(r)
	case typeError:
		return Error{Type: r.U16(), Code: r.U16(), Data: r.Rest()}, nil
	case typeEchoRequest:
		return EchoRequest{r.Rest()}, nil
	case typeEchoReply:
		return EchoReply{r.Rest()}, nil
	case typeExperimenter:
		if m, err := decodeNiciraMessage(r); m != nil || err != nil {
			return m, err
		}
	case typeSetConfig:
		return SetConfig{Flags: r.U16(), MissSendLen: r.U16()}, nil
	case typePacketIn:
		return decodePacketIn(r)
	case typePacketOut:
		return decodePacketOut(r)
	case typeFlowMod:
		return decodeFlowMod(r)
	case typeMultipartRequest:
		return decodeMultipartRequest(r)
	case typeMultipartReply:
		return decodeMultipartReply(r)
	case typeBarrierRequest:
		return BarrierRequest{}, nil
	case typeBarrierReply:
		return BarrierReply{}, nil
	case typeSetAsync:
		return decodeSetAsync(r)
	case typeMeterMod:
		return decodeMeterMod(r)
	case typeBundleControl:
		return decodeBundleControl(r), nil
	case typeBundleAdd:
		return decodeBundleAdd(r)
	}
	return Raw{Type: typ, Body: r.Rest()}, nil
}
