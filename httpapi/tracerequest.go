package httpapi

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// traceSpec is a request for a trace, as it was given.
type traceSpec struct {
	source, destination endSpec
	family              secgroup.Family // "" = what the ends have
	protocol            secgroup.Protocol
	packet              verdict.Packet // ports and messages
	state               inquiry.State
	probe               bool // send the packet
	platform            bool // the caller may know of every NIC
}

// endSpec is an end of the packet's way: a NIC, an address, or a NIC with the
// address that it uses.
type endSpec struct {
	at      string // pointer of the field
	nic     string
	address netip.Addr
}

// readTrace reads a request for a trace.
func readTrace(r *strictjson.Reader, n *strictjson.Node) traceSpec {
	o := r.Object(n, "")
	defer o.Close()
	spec := traceSpec{
		source:      readTraceEnd(o, "source"),
		destination: readTraceEnd(o, "destination"),
		family:      secgroup.Family(strings.ToLower(o.Text("family"))),
		state:       inquiry.State(strings.ToLower(o.Text("state"))),
		protocol:    readProtocol(o),
	}
	switch spec.family {
	case "", secgroup.FamilyIPv4, secgroup.FamilyIPv6:
	default:
		o.Invalid("/family", "is ipv4 or ipv6")
	}
	switch spec.state {
	case "":
		spec.state = inquiry.New
	case inquiry.New, inquiry.Established, inquiry.Reply, inquiry.Related, inquiry.Invalid:
	default:
		o.Invalid("/state", "is new, established, reply, related or invalid")
	}
	if spec.protocol == secgroup.ProtocolAll {
		o.Invalid("/protocol", "is all; a packet is of one protocol")
	}
	if send := o.Bool("probe"); send != nil {
		spec.probe = *send
	}
	port, hasPort := o.OptionalInt("port", 1, 65535)
	source, _ := o.OptionalInt("source_port", 0, 65535)
	message, _ := o.OptionalInt("icmp_type", 0, 255)
	code, _ := o.OptionalInt("icmp_code", 0, 255)
	spec.packet = verdict.Packet{DstPort: uint16(port), SrcPort: uint16(source), ICMPType: uint8(message), ICMPCode: uint8(code)}
	number, _ := spec.protocol.Number()
	switch named := spec.protocol == secgroup.ProtocolTCP || spec.protocol == secgroup.ProtocolUDP; {
	case named || number == verdict.ProtoTCP || number == verdict.ProtoUDP:
		if !hasPort {
			o.Invalid("/port", "is missing: tcp and udp have ports")
		}
		switch {
		case source != 0:
		case spec.probe:
			spec.packet.SrcPort = dynamicPort()
		default:
			spec.packet.SrcPort = 40000
		}
	case hasPort && spec.protocol != "":
		o.Fault("/port", secgroup.CodePortNotAllowed, "only tcp and udp have ports")
	case spec.protocol == secgroup.ProtocolICMP && !o.Has("icmp_type"):
		spec.packet.ICMPType = echoRequest
	}
	return spec
}

// echoRequest is ICMP's; that of ICMPv6 is put in its place when the family is known.
const (
	echoRequest   = 8
	echoRequestV6 = 128
)

func readTraceEnd(o *strictjson.Object, name string) endSpec {
	e := endSpec{at: o.Pointer(name)}
	v := o.Take(name)
	if v == nil {
		o.Invalid(e.at, `is missing: {"nic": …} or {"address": …}`)
		return e
	}
	end := o.Object(v, e.at)
	defer end.Close()
	e.nic = end.Text("nic")
	if a := end.Text("address"); a != "" {
		var err error
		if e.address, err = netip.ParseAddr(a); err != nil || e.address.Zone() != "" || e.address.Is4In6() {
			end.Invalid(end.Pointer("address"), fmt.Sprintf("%q is not an IP address", a))
		}
	}
	if v.Kind == strictjson.KindObject && e.nic == "" && !e.address.IsValid() && len(v.Fields) == 0 {
		end.Invalid(e.at, "names neither a nic nor an address")
	}
	return e
}
