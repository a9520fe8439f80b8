package httpapi

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

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

// firstDynamicPort is the first of the ports that a machine chooses for itself
// (RFC 6335 §6); the others have its bits.
const firstDynamicPort = 49152

// dynamicPort is a source port for a connection of its own, so that a probe meets
// none that is open.
func dynamicPort() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:]) | firstDynamicPort
}

// mayProbe refuses a probe that cannot be, or that the caller may not send.
func (c *call) mayProbe(spec *traceSpec) error {
	r := &strictjson.Reader{}
	switch {
	case !spec.probe:
		return nil
	case c.who.Role == tokens.Viewer:
		return forbidden("a viewer's token sends nothing")
	case spec.source.nic == "":
		r.Invalid("/probe", "a probe is sent by a NIC: name it as the source")
	case spec.state != inquiry.New:
		r.Invalid("/probe", "a probe is the first packet of a connection: its state is new")
	}
	if len(r.Faults) > 0 {
		return r.Faults
	}
	return nil
}
