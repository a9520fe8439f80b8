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
