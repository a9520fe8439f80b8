package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// Hello opens a connection. Versions has bit v set for each version v that the
// sender speaks (OpenFlow 1.5 §7.5.1).
type Hello struct{ Versions uint32 }

// EchoRequest asks whether the peer is there; the reply has the same data.
type EchoRequest struct{ Data []byte }

// EchoReply answers an EchoRequest.
type EchoReply struct{ Data []byte }

// SetConfig sets how the switch treats fragments and how much of a packet it
// sends to this connection by default. A connection to a bridge's management
// socket gets asynchronous messages only once MissSendLen is not 0.
type SetConfig struct {
	Flags       uint16
	MissSendLen uint16 // bytes
}

// BarrierRequest asks for BarrierReply, which comes when all earlier messages
// have been processed.
type BarrierRequest struct{}

// BarrierReply answers a BarrierRequest.
type BarrierReply struct{}

func (Hello) messageType() uint8          { return typeHello }
func (EchoRequest) messageType() uint8    { return typeEchoRequest }
func (EchoReply) messageType() uint8      { return typeEchoReply }
func (SetConfig) messageType() uint8      { return typeSetConfig }
func (BarrierRequest) messageType() uint8 { return typeBarrierRequest }
func (BarrierReply) messageType() uint8   { return typeBarrierReply }

// helloVersions is the hello element that holds the bitmap of versions.
const helloVersions = 1

func (m Hello) appendBody(b []byte) ([]byte, error) {
	return octets.Put32(append(b, 0, helloVersions, 0, 8), m.Versions), nil
}

func (m EchoRequest) appendBody(b []byte) ([]byte, error)  { return append(b, m.Data...), nil }
func (m EchoReply) appendBody(b []byte) ([]byte, error)    { return append(b, m.Data...), nil }
func (BarrierRequest) appendBody(b []byte) ([]byte, error) { return b, nil }
func (BarrierReply) appendBody(b []byte) ([]byte, error)   { return b, nil }

func (m SetConfig) appendBody(b []byte) ([]byte, error) {
	return octets.Put16(octets.Put16(b, m.Flags), m.MissSendLen), nil
}

// decodeHello reads the hello elements; unknown ones are skipped, as they must.
func decodeHello(r *octets.Reader) (Message, error) {
	var m Hello
	for len(r.B) > 0 {
		typ := r.U16()
		n := int(r.U16())
		if n < 4 {
			return nil, fmt.Errorf("openflow: hello: element %d of %d bytes", typ, n)
		}
		e := r.Entry(n, 4)
		r.Skip(min(-n&7, len(r.B)))
		if typ == helloVersions && len(e.B) > 0 {
			m.Versions = e.U32()
		}
		if err := e.Err("hello"); err != nil {
			return nil, err
		}
	}
	return m, nil
}
