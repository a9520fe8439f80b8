package openflow

import "fmt"

// Multipart types of OpenFlow 1.5 §7.3.5.
const (
	multipartDesc        = 0
	multipartFlowDesc    = 1
	multipartAggregate   = 2
	multipartGroupDesc   = 7
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
	return put32(put16(put16(b, typ), flags), 0)
}

// multipartHeader reads the header of a multipart message.
func multipartHeader(r *reader) (typ uint16, more bool, err error) {
	typ = r.u16()
	more = r.u16()&multipartMore != 0
	r.skip(4)
	return typ, more, r.err("multipart")
}

func decodeMultipartRequest(r *reader) (Message, error) {
	typ, more, err := multipartHeader(r)
	if err != nil {
		return nil, err
	}
	switch typ {
	case multipartDesc:
		return DescRequest{}, nil
	case multipartFlowDesc:
		return decodeFlowFilter(r)
	case multipartAggregate:
		f, err := decodeFlowFilter(r)
		return AggregateRequest(f), err
	case multipartPortDesc:
		m := PortDescRequest{Port: orZero(r.u32())}
		r.skip(4)
		return m, nil
	case multipartGroupDesc:
		m := GroupDescRequest{Group: r.u32()}
		r.skip(4)
		return m, nil
	case multipartMeterConfig:
		m := MeterConfigRequest{Meter: r.u32()}
		r.skip(4)
		return m, nil
	case multipartFlowMonitor:
		return decodeFlowMonitorRequest(r)
	}
	return RawMultipart{Type: typ, More: more, Body: r.rest()}, nil
}

func decodeMultipartReply(r *reader) (Message, error) {
	typ, more, err := multipartHeader(r)
	if err != nil {
		return nil, err
	}
	switch typ {
	case multipartDesc:
		return decodeDesc(r), nil
	case multipartFlowDesc:
		flows, err := decodeFlowStats(r)
		return FlowDescReply{More: more, Flows: flows}, err
	case multipartAggregate:
		return decodeAggregate(r)
	case multipartPortDesc:
		ports, err := decodePorts(r)
		return PortDescReply{More: more, Ports: ports}, err
	case multipartGroupDesc:
		groups, err := decodeGroups(r)
		return GroupDescReply{More: more, Groups: groups}, err
	case multipartMeterConfig:
		meters, err := decodeMeters(r)
		return MeterConfigReply{More: more, Meters: meters}, err
	case multipartFlowMonitor:
		updates, err := decodeFlowUpdates(r)
		return FlowMonitorReply{More: more, Updates: updates}, err
	}
	return RawMultipart{Reply: true, Type: typ, More: more, Body: r.rest()}, nil
}

// DescRequest asks for DescReply.
type DescRequest struct{}

// DescReply describes the switch; Open vSwitch's Software is its version.
type DescReply struct {
	Manufacturer, Hardware, Software, Serial, Datapath string
}

// Lengths of the strings of a DescReply.
const (
	descLen   = 256
	serialLen = 32
)

func (DescRequest) messageType() uint8 { return typeMultipartRequest }
func (DescReply) messageType() uint8   { return typeMultipartReply }

func (DescRequest) appendBody(b []byte) ([]byte, error) {
	return appendMultipart(b, multipartDesc, false), nil
}

func (m DescReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartDesc, false)
	for _, s := range []struct {
		text string
		size int
	}{{m.Manufacturer, descLen}, {m.Hardware, descLen}, {m.Software, descLen}, {m.Serial, serialLen}, {m.Datapath, descLen}} {
		var err error
		if b, err = appendString(b, s.text, s.size); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendString adds a string in n bytes, the last of which is zero.
func appendString(b []byte, s string, n int) ([]byte, error) {
	if len(s) >= n {
		return nil, fmt.Errorf("openflow: %q is longer than %d bytes", s, n-1)
	}
	return append(append(b, s...), make([]byte, n-len(s))...), nil
}

func decodeDesc(r *reader) DescReply {
	return DescReply{
		Manufacturer: r.text(descLen), Hardware: r.text(descLen), Software: r.text(descLen),
		Serial: r.text(serialLen), Datapath: r.text(descLen),
	}
}
