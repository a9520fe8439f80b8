package httpapi

import (
	"net/netip"

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

// echoRequest is ICMP's; that of ICMPv6 is put in its place when the family is known.
const (
	echoRequest   = 8
	echoRequestV6 = 128
)
