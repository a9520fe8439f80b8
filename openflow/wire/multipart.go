package wire

import "github.com/ringfence/ringfence/openflow/internal/octets"

// Multipart types of OpenFlow 1.5 §7.3.5.
const (
	multipartFlowDesc    = 1
	multipartMeterConfig = 10
	multipartPortDesc    = 13
	multipartFlowMonitor = 16
)

// multipartMore is the flag of a reply that another reply follows.
const multipartMore = 1

// RawMultipart is a multipart request or reply of a type that this package
// does not know.
type RawMultipart struct {
	Reply bool
	Type  uint16
	More  bool // another part follows
	Body  []byte
}

func (m RawMultipart) messageType() uint8 {
	if m.Reply {
		return typeMultipartReply
	}
	return typeMultipartRequest
}

func (m RawMultipart) appendBody(b []byte) ([]byte, error) {
	return append(appendMultipart(b, m.Type, m.More), m.Body...), nil
}

// appendMultipart adds the header of a multipart message.
func appendMultipart(b []byte, typ uint16, more bool) []byte {
	var flags uint16
	if more {
		flags = multipartMore
	}
	return octets.Put32(octets.Put16(octets.Put16(b, typ), flags), 0)
}

// multipartHeader reads the header of a multipart message.
func multipartHeader(r *octets.Reader) (typ uint16, more bool, err error) {
	typ = r.U16()
	more = r.U16()&multipartMore != 0
	r.Skip(4)
	return typ, more, r.Err("multipart")
}
