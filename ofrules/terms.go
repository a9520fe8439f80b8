package ofrules

import (
	"net/netip"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// Destinations of DHCP clients that have no address: RFC 2131 §4.1, RFC 8415 §7.1.
var (
	broadcast   = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	dhcpServers = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 13: 1, 15: 2})
)

// key names a flow. The terms are the compiler's own, so that a refused match
// is a bug and not an input.
func key(table uint8, prio uint16, terms ...of.Term) of.FlowKey {
	return of.FlowKey{Table: table, Priority: prio, Match: of.MustMatch(terms...)}
}

// load sets a whole register.
func load(reg of.Field, v uint64) of.Action {
	return of.SetField{Field: reg, Value: v}
}

func stageOf(d secgroup.Direction) stage {
	if d == secgroup.Egress {
		return egressStage()
	}
	return ingressStage()
}

// remote matches the remote address of a packet in this stage.
func (s stage) remote(p netip.Prefix) of.Term {
	if p.Addr().Is6() {
		return s.remote6.IsPrefix(p)
	}
	return s.remote4.IsPrefix(p)
}

func etherType(a netip.Addr) of.Term {
	if a.Is6() {
		return of.EthType.Is(of.EthTypeIPv6)
	}
	return of.EthType.Is(of.EthTypeIPv4)
}

// host is the prefix that holds one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
