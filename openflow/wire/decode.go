package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

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
