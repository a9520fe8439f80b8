package tracing

import (
	"net/netip"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// Spec is a request for a trace, as it was given.
type Spec struct {
	Source, Destination End
	Family              secgroup.Family // "" = what the ends have
	Protocol            secgroup.Protocol
	Packet              packet.Tuple // ports and messages
	State               inquiry.State
	Probe               bool // send the packet
	Platform            bool // the caller may know of every NIC
}

// End is an end of the packet's way: a NIC, an address, or a NIC with the
// address that it uses.
type End struct {
	At      string // pointer of the field
	NIC     string
	Address netip.Addr
}

// EchoRequest is ICMP's; that of ICMPv6 is put in its place when the family is known.
const (
	EchoRequest   = 8
	echoRequestV6 = 128
)

func hiddenReason(v inquiry.Verdict) string {
	switch v {
	case inquiry.Allow:
		return "allowed-by-peer"
	case inquiry.Deny:
		return "denied-by-peer"
	default:
		return "no-answer"
	}
}
