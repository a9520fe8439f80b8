package ofrules

import (
	"net/netip"

	of "github.com/ringfence/ringfence/openflow"
)

// A guest may make its IPv6 link-local address otherwise than from its MAC (RFC
// 7217), and nobody tells the policy. Its router solicitations, DHCPv6 and
// neighbour discovery are then dropped as spoofed, which looks to its owner like a
// network without IPv6. So what is dropped for that is counted, by flows that
// drop it a little above those that drop everything.

// linkLocal is fe80::/10.
func linkLocal() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 10)
}

// anyLinkLocal matches what is sent from a link-local address, of whomever.
func anyLinkLocal() of.Term { return source(linkLocal()) }

// linkLocalTables are those in which it ends: what asks or answers for a MAC has
// its source looked at in a table of its own.
func linkLocalTables() [2]uint8 { return [2]uint8{TableEgressGuard, TableEgressND} }

// linkLocalParts counts what a NIC sends from link-local addresses that are not
// its own.
func linkLocalParts(b *builder, n localNIC) {
	for _, table := range linkLocalTables() {
		b.parts = append(b.parts, part{
			key:    key(table, prioLinkLocal, of.InPort.Is(uint64(n.port.OFPort)), of.EthType.Is(of.EthTypeIPv6), anyLinkLocal()),
			cookie: cookie(KindLinkLocal, n.number),
		})
	}
}

// CountsLinkLocal tells whether a flow, of a Compiler or of a Watch, counts what
// a NIC sends from link-local addresses that are not its own, and by which ofport
// that comes.
func CountsLinkLocal(k of.FlowKey) (ofport uint32, ok bool) {
	tables := linkLocalTables()
	if k.Table != tables[0] && k.Table != tables[1] || k.Priority != prioLinkLocal && k.Priority != prioLinkLocal+watchAbove {
		return 0, false
	}
	for _, t := range k.Match.Terms() {
		if t.Field() == of.InPort {
			port, _ := t.Uint64()
			return uint32(port), true
		}
	}
	return 0, false
}
