package policytest

import (
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

var accounts = []string{"acme", "bank"}

// networks returns fresh copies of the universe's networks. blue-1 and red-1
// have the same prefixes in two routing domains, and so the same addresses.
func networks() []*secgroup.Network {
	all := []*secgroup.Network{
		{ID: "blue-1", Type: secgroup.NetworkVPC, VPC: "blue", VLAN: 101, Prefixes: prefixes("10.0.0.0/24", "fd00:0:0:1::/64"), Gateways: addresses("10.0.0.254", "fe80::254")},
		{ID: "blue-2", Type: secgroup.NetworkVPC, VPC: "blue", VLAN: 102, Prefixes: prefixes("10.0.1.0/24", "fd00:0:0:2::/64"), Gateways: addresses("10.0.1.254", "fe80::254")},
		{ID: "red-1", Type: secgroup.NetworkVPC, VPC: "red", VLAN: 103, Prefixes: prefixes("10.0.0.0/24", "fd00:0:0:1::/64"), Gateways: addresses("10.0.0.254", "fe80::254")},
		{ID: "public", Type: secgroup.NetworkPublic, VLAN: 0, Prefixes: prefixes("203.0.113.0/24", "2001:db8::/64"), Gateways: addresses("203.0.113.254", "fe80::1")},
		{ID: "flat", Type: secgroup.NetworkFlat, VLAN: 104, Prefixes: prefixes("10.0.2.0/24")},
	}
	for _, n := range all {
		n.Normalize()
	}
	return all
}

// hosts is how many host addresses of a prefix are used: its first ones.
const hosts = 12

// ports are those at which rules begin and end.
var ports = []uint16{1, 2, 22, 79, 80, 81, 443, 1023, 1024, 8080, 65534, 65535}

// protocolNumbers are those that rules name by number. 6, 17, 1 and 58 have
// names too.
var protocolNumbers = []secgroup.Protocol{"0", "1", "2", "6", "17", "47", "50", "58", "132", "255"}

// icmpTypes and icmpCodes are few, so that rules and packets meet: those that
// begin a connection, answer in one, are about one and need none. An address
// mask request (17) and a node information query (139) begin a connection on the
// kernel datapath only.
var (
	icmpTypes = []uint8{0, 3, 8, 8, 11, 13, 17, 30, 128, 128, 129, 130, 139, 143, 255}
	icmpCodes = []uint8{0, 0, 1, 4, 255}
)

// elsewhere are addresses of no network.
var elsewhere = addresses("8.8.8.8", "192.0.2.1", "10.0.3.1", "11.0.0.1", "2606:4700::1", "fd00:0:0:9::1")

func prefixes(s ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(s))
	for i := range s {
		all[i] = netip.MustParsePrefix(s[i])
	}
	return all
}

func addresses(s ...string) []netip.Addr {
	all := make([]netip.Addr, len(s))
	for i := range s {
		all[i] = netip.MustParseAddr(s[i])
	}
	return all
}

// hostOf draws one of the used addresses of a prefix.
func (g *Gen) hostOf(p netip.Prefix) netip.Addr {
	return nth(p.Addr(), 1+g.IntN(hosts))
}

// anyHost draws an address that some network may hold.
func (g *Gen) anyHost() netip.Addr {
	return g.hostOf(pick(g, pick(g, networks()).Prefixes))
}

// nth returns the address n after a, at most one carry away.
func nth(a netip.Addr, n int) netip.Addr {
	for range n {
		a = a.Next()
	}
	return a
}

// cidr draws a prefix that is likely to cut through the used addresses.
func (g *Gen) cidr(v6 bool) netip.Prefix {
	for {
		a := g.anyHost()
		if g.chance(10) {
			a = pick(g, elsewhere)
		}
		if a.Is6() != v6 {
			continue
		}
		bits := pick(g, []int{0, 8, 16, 23, 24, 25, 28, 29, 30, 31, 32})
		if v6 {
			bits = pick(g, []int{0, 32, 48, 63, 64, 120, 124, 125, 126, 127, 128})
		}
		return netip.PrefixFrom(a, bits).Masked()
	}
}
