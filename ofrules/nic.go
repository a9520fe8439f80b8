package ofrules

import (
	"net/netip"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// nicParts compiles the flows of one NIC: entry, guard, policy registers and
// delivery. Their number follows the NIC's addresses.
func nicParts(n localNIC) []part {
	b := builder{cookie: cookie(KindNIC, n.number)}
	inPort := of.InPort.Is(uint64(n.port.OFPort))
	out := regOut.Is(uint64(n.port.OFPort))

	deliver := []of.Action{load(regZone, uint64(n.port.Zone)), load(regOut, uint64(n.port.OFPort))}
	to := uint8(TableIngressGuard)
	if n.nic.Enforcement == secgroup.EnforcementOff {
		to = TableOutput
	}
	b.flow(TableDeliver, 100, terms(regSegment.Is(uint64(n.segment.number)), of.EthDst.IsMAC([6]byte(n.nic.MAC))), append(deliver, of.Goto{Table: to})...)

	if n.nic.Enforcement == secgroup.EnforcementOff {
		b.flow(TableEntry, 100, terms(inPort, of.VlanVID.Is(0)), load(regSegment, uint64(n.segment.number)), of.Goto{Table: TableDeliver})
		return b.parts
	}
	b.flow(TableEntry, 100, terms(inPort, of.VlanVID.Is(0), of.EthSrc.IsMAC([6]byte(n.nic.MAC))),
		load(regSegment, uint64(n.segment.number)), load(regZone, uint64(n.port.Zone)), of.Goto{Table: TableEgressGuard})
	// A flooded frame does not come back to its sender, nor enter its zone.
	b.flow(TableIngressGuard, 400, terms(inPort, out))
	guardParts(&b, n, inPort, out)

	policy := []of.Action{load(regProfile, uint64(n.profile.number)), load(regDomain, uint64(n.domNo))}
	b.flow(TableIngressNIC, 100, terms(out), append(policy, of.Goto{Table: TableIngressAny})...)
	if n.profile.restricted {
		b.flow(TableEgressNIC, 100, terms(inPort), append(policy, of.Goto{Table: TableEgressAny})...)
	} else {
		b.parts = append(b.parts, part{
			key:    key(TableEgressNIC, 100, inPort),
			cookie: cookie(KindUnrestricted, n.number),
			acts:   admit(MarkUnrestricted, TableEgressAccept),
		})
	}
	return b.parts
}

// guardParts compiles the anti-spoofing of one NIC, semantics.md §4. Its source
// MAC was checked at the entry.
func guardParts(b *builder, n localNIC, inPort, out of.Term) {
	judge := of.CT{ZoneField: regZone, Table: TableEgressState}
	deliver, source := of.Goto{Table: TableDeliver}, of.Goto{Table: TableEgressND}
	optionMACs := []secgroup.MAC{n.nic.MAC, {}} // an absent option reads as zero
	for _, p := range sources(n.nic) {
		if p.Addr().Is4() {
			b.flow(TableEgressGuard, 100, terms(inPort, of.EthType.Is(of.EthTypeIPv4), of.IPv4Src.IsPrefix(p)), judge)
			b.flow(TableEgressGuard, 200, terms(inPort, of.EthType.Is(of.EthTypeARP), of.ARPSHA.IsMAC([6]byte(n.nic.MAC)), of.ARPSPA.IsPrefix(p)), deliver)
			continue
		}
		b.flow(TableEgressGuard, 100, terms(inPort, of.EthType.Is(of.EthTypeIPv6), of.IPv6Src.IsPrefix(p)), judge)
		b.flow(TableEgressND, 100, terms(inPort, of.EthType.Is(of.EthTypeIPv6), of.IPv6Src.IsPrefix(p)), deliver)
		for _, mac := range optionMACs {
			b.flow(TableEgressGuard, 200, nd(of.ICMPv6NeighborAdvert, inPort, of.NDTLL.IsMAC(mac), of.NDTarget.IsPrefix(p)), source)
		}
		// Duplicate address detection asks from :: for the address itself.
		b.flow(TableEgressGuard, 210, nd(of.ICMPv6NeighborSolicit, inPort, of.IPv6Src.IsAddr(netip.IPv6Unspecified()), of.NDTarget.IsPrefix(p), of.NDSLL.IsMAC(secgroup.MAC{})), deliver)
	}
	for _, mac := range optionMACs {
		b.flow(TableEgressGuard, 200, nd(of.ICMPv6NeighborSolicit, inPort, of.NDSLL.IsMAC(mac)), source)
	}
	if len(n.nic.Addresses)+len(n.nic.AllowedAddresses) > 0 {
		b.flow(TableEgressGuard, 200, terms(inPort, of.EthType.Is(of.EthTypeARP), of.ARPSHA.IsMAC([6]byte(n.nic.MAC)), of.ARPSPA.IsAddr(netip.IPv4Unspecified())), deliver)
	}
	if n.nic.DHCPServer {
		for _, s := range []service{dhcp(of.EthTypeIPv4, 67, 68), dhcp(of.EthTypeIPv6, 547, 546)} {
			b.flow(TableEgressGuard, 310, append(s, inPort), deliver)
		}
		for _, s := range []service{dhcp(of.EthTypeIPv4, 68, 67), dhcp(of.EthTypeIPv6, 546, 547)} {
			b.flow(TableIngressGuard, 310, append(s, out), of.Goto{Table: TableOutput})
		}
	}
}

// sources returns what a NIC may send from: its addresses, its allowed
// addresses, and, if it has any, the link-local address of its MAC (RFC 4291
// appendix A).
func sources(n *secgroup.NIC) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range n.Addresses {
		out = append(out, host(a))
	}
	out = append(out, n.AllowedAddresses...)
	if len(out) > 0 {
		out = append(out, host(linkLocal(n.MAC)))
	}
	seen := map[netip.Prefix]bool{}
	uniq := out[:0]
	for _, p := range out {
		if !seen[p] {
			seen[p] = true
			uniq = append(uniq, p)
		}
	}
	return uniq
}

func linkLocal(m secgroup.MAC) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

// builder collects the parts of one unit.
type builder struct {
	cookie uint64
	parts  []part
}

func (b *builder) flow(table uint8, prio uint16, match []of.Term, actions ...of.Action) {
	b.parts = append(b.parts, part{key: key(table, prio, match...), cookie: b.cookie, acts: of.MustActions(actions...)})
}

func terms(t ...of.Term) []of.Term { return t }
