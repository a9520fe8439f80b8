package shape

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tracing"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// ReadTrace reads a request for a trace.
func ReadTrace(r *strictjson.Reader, n *strictjson.Node) tracing.Spec {
	o := r.Object(n, "")
	defer o.Close()
	spec := tracing.Spec{
		Source:      readTraceEnd(o, "source"),
		Destination: readTraceEnd(o, "destination"),
		Family:      secgroup.Family(strings.ToLower(o.Text("family"))),
		State:       inquiry.State(strings.ToLower(o.Text("state"))),
		Protocol:    ReadProtocol(o),
	}
	switch spec.Family {
	case "", secgroup.FamilyIPv4, secgroup.FamilyIPv6:
	default:
		o.Invalid("/family", "is ipv4 or ipv6")
	}
	switch spec.State {
	case "":
		spec.State = inquiry.New
	case inquiry.New, inquiry.Established, inquiry.Reply, inquiry.Related, inquiry.Invalid:
	default:
		o.Invalid("/state", "is new, established, reply, related or invalid")
	}
	if spec.Protocol == secgroup.ProtocolAll {
		o.Invalid("/protocol", "is all; a packet is of one protocol")
	}
	if send := o.Bool("probe"); send != nil {
		spec.Probe = *send
	}
	known := len(o.Faults)
	port, hasPort := o.OptionalInt("port", 1, 65535)
	wrongPort := len(o.Faults) > known
	source, _ := o.OptionalInt("source_port", 0, 65535)
	message, _ := o.OptionalInt("icmp_type", 0, 255)
	code, _ := o.OptionalInt("icmp_code", 0, 255)
	spec.Packet = packet.Tuple{DstPort: uint16(port), SrcPort: uint16(source), ICMPType: uint8(message), ICMPCode: uint8(code)}
	number, _ := spec.Protocol.Number()
	switch named := spec.Protocol == secgroup.ProtocolTCP || spec.Protocol == secgroup.ProtocolUDP; {
	case named || number == packet.ProtoTCP || number == packet.ProtoUDP:
		if !hasPort && !wrongPort {
			o.Invalid("/port", "is missing: tcp and udp have ports")
		}
		switch {
		case source != 0:
		case spec.Probe:
			spec.Packet.SrcPort = dynamicPort()
		default:
			spec.Packet.SrcPort = 40000
		}
	case hasPort && spec.Protocol != "":
		o.Fault("/port", secgroup.CodePortNotAllowed, "only tcp and udp have ports")
	case spec.Protocol == secgroup.ProtocolICMP && !o.Has("icmp_type"):
		spec.Packet.ICMPType = tracing.EchoRequest
	}
	return spec
}

func readTraceEnd(o *strictjson.Object, name string) tracing.End {
	e := tracing.End{At: o.Pointer(name)}
	v := o.Take(name)
	if v == nil {
		o.Invalid(e.At, `is missing: {"nic": …} or {"address": …}`)
		return e
	}
	end := o.Object(v, e.At)
	defer end.Close()
	e.NIC = end.Text("nic")
	if a := end.Text("address"); a != "" {
		var err error
		if e.Address, err = netip.ParseAddr(a); err != nil || e.Address.Zone() != "" || e.Address.Is4In6() {
			end.Invalid(end.Pointer("address"), fmt.Sprintf("%q is not an IP address", a))
		}
	}
	if v.Kind == strictjson.KindObject && e.NIC == "" && !e.Address.IsValid() && len(v.Fields) == 0 {
		end.Invalid(e.At, "names neither a nic nor an address")
	}
	return e
}

// FirstDynamicPort is the first of the ports that a machine chooses for itself
// (RFC 6335 §6); the others have its bits.
const FirstDynamicPort = 49152

// dynamicPort is a source port for a connection of its own, so that a probe meets
// none that is open.
func dynamicPort() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:]) | FirstDynamicPort
}
