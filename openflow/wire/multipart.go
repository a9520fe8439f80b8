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

func decodeMultipartRequest(r *octets.Reader) (Message, error) {
	typ, more, err := multipartHeader(r)
	if err != nil {
		return nil, err
	}
	switch typ {
	case multipartFlowDesc:
		return decodeFlowDescRequest(r)
	case multipartPortDesc:
		m := PortDescRequest{Port: orZero(r.U32())}
		r.Skip(4)
		return m, nil
	case multipartMeterConfig:
		m := MeterConfigRequest{Meter: r.U32()}
		r.Skip(4)
		return m, nil
	case multipartFlowMonitor:
		return decodeFlowMonitorRequest(r)
	}
	return RawMultipart{Type: typ, More: more, Body: r.Rest()}, nil
}

func decodeMultipartReply(r *octets.Reader) (Message, error) {
	typ, more, err := multipartHeader(r)
	if err != nil {
		return nil, err
	}
	switch typ {
	case multipartFlowDesc:
		flows, err := decodeFlowStats(r)
		return FlowDescReply{More: more, Flows: flows}, err
	case multipartPortDesc:
		ports, err := decodePorts(r)
		return PortDescReply{More: more, Ports: ports}, err
	case multipartMeterConfig:
		meters, err := decodeMeters(r)
		return MeterConfigReply{More: more, Meters: meters}, err
	case multipartFlowMonitor:
		updates, err := decodeFlowUpdates(r)
		return FlowMonitorReply{More: more, Updates: updates}, err
	}
	return RawMultipart{Reply: true, Type: typ, More: more, Body: r.Rest()}, nil
}
