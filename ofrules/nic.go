package ofrules

import (
	"net/netip"
	"slices"

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
	mine := terms(regSegment.Is(uint64(n.segment.number)), of.EthDst.IsMAC(n.nic.MAC))
	if n.nic.Enforcement == secgroup.EnforcementOff {
		unfilteredParts(&b, n, mine, deliver, inPort)
		return b.parts
	}
	if !n.elsewhere { // else it is found by the uplink
		b.parts = append(b.parts, destinationParts(n.segment.number, n.nic.MAC)...)
		b.flow(TableLocal, prioDeliver, mine, append(deliver, of.Goto{Table: TableIngressGuard})...)
	}
	enter := []of.Action{load(regSegment, uint64(n.segment.number)), load(regZone, uint64(n.port.Zone)), of.Goto{Table: TableEgressMAC}}
	b.flow(TableEntry, prioEntryTagged, terms(inPort, tagged()))
	b.flow(TableEntry, prioEntry, terms(inPort, of.VlanVID.Is(0)), enter...)
	for _, eth := range ipTypes() {
		b.flow(TableEntry, prioEntryPart, terms(inPort, of.VlanVID.Is(0), eth, isFragment()), append([]of.Action{markFragment()}, enter...)...)
	}
	macParts(&b, n, inPort)
	// A flooded frame does not come back to its sender, nor enter its zone.
	b.flow(TableIngressGuard, prioFloodedBack, terms(inPort, out))
	guardParts(&b, n, inPort, out)
	fragmentParts(&b, n, inPort, out)

	policy := []of.Action{load(regProfile, uint64(n.set.profile.number)), load(regDomain, uint64(n.domNo))}
	b.flow(TableIngressNIC, prioNIC, terms(out), append(policy, of.Goto{Table: TableIngressAny})...)
	if n.set.profile.restricted {
		b.flow(TableEgressNIC, prioNIC, terms(inPort), append(policy, of.Goto{Table: TableEgressAny})...)
	} else {
		b.parts = append(b.parts, part{
			key:    key(TableEgressNIC, prioNIC, inPort),
			cookie: cookie(KindUnrestricted, n.number),
			acts:   admit(MarkUnrestricted, TableEgressAccept),
		})
	}
	return b.parts
}

// unfilteredParts lets all pass that a NIC sends and is sent. Its connections are
// tracked all the same, so that there is something to judge when it is filtered
// again: what its VM goes on sending would else begin a connection of its own.
// TCP begins with a SYN here, too, or who began would be whoever sends first after
// the switch has forgotten it; what has not begun so needs to begin anew when the
// NIC is filtered again. Tracking works on a clone, so that it decides nothing.
func unfilteredParts(b *builder, n localNIC, mine []of.Term, deliver []of.Action, inPort of.Term) {
	segment, untagged := load(regSegment, uint64(n.segment.number)), of.VlanVID.Is(0)
	out := append(slices.Clip(deliver), of.Goto{Table: TableOutput})
	begin := of.CT{Commit: true, Zone: n.port.Zone, Table: of.NoTable, Exec: []of.Action{load(of.CTMark, uint64(MarkUnfiltered)), clearCut()}}
	goOn := of.CT{Zone: n.port.Zone, Table: of.NoTable}
	b.flow(TableEntry, prioEntry, terms(inPort, untagged), segment, of.Goto{Table: TableDeliver})
	if !n.elsewhere {
		b.parts = append(b.parts, destinationParts(n.segment.number, n.nic.MAC)...)
		b.flow(TableLocal, prioDeliver, mine, out...)
	}
	for _, eth := range ipTypes() {
		for _, track := range []struct {
			entry, deliver uint16
			match          []of.Term
			ct             of.CT
		}{
			{prioEntryIP, prioDeliverIP, terms(eth), begin},
			{prioEntryNoSYN, prioDeliverNoSYN, terms(eth, of.IPProto.Is(of.ProtoTCP), of.TCPFlags.IsMasked(0, of.TCPSyn)), goOn},
		} {
			clone := of.Clone{Actions: []of.Action{track.ct}}
			b.flow(TableEntry, track.entry, append(terms(inPort, untagged), track.match...), clone, segment, of.Goto{Table: TableDeliver})
			if !n.elsewhere {
				b.flow(TableLocal, track.deliver, append(slices.Clip(mine), track.match...), append([]of.Action{clone}, out...)...)
			}
		}
	}
}

// tagged matches frames with a VLAN tag, of any VLAN and priority.
func tagged() of.Term { return of.VlanVID.IsMasked(of.VlanPresent, of.VlanPresent) }

// macParts has a frame's source MAC be the NIC's.
func macParts(b *builder, n localNIC, inPort of.Term) {
	w := walk{table: TableEgressMAC, prio: prioOwnMAC, at: terms(inPort), field: of.EthSrc, next: 1}
	w.compare(b, 0, branchOfMAC(n.nic.MAC, load(regProfile, 0), of.Goto{Table: TableEgressGuard}))
}

// guardParts compiles the anti-spoofing of one NIC, docs/semantics.md §4. Its source
// MAC has been checked.
func guardParts(b *builder, n localNIC, inPort, out of.Term) {
	judge := of.CT{ZoneField: regZone, Table: TableEgressState}
	deliver := of.Goto{Table: TableDeliver}
	own := sources(n.nic)
	for _, p := range own {
		b.flow(TableEgressGuard, prioOwnAddress, terms(inPort, etherType(p.Addr()), source(p)), judge)
	}
	arpParts(b, n, inPort, own)
	if len(own) == 0 {
		// Without addresses: only DHCP. guardPipeline has it for IPv4.
		b.flow(TableEgressGuard, prioDiscovery, append(dhcp(of.EthTypeIPv6, 546, 547), inPort, source(host(n.nic.MAC.LinkLocal())), of.IPv6Dst.IsAddr(dhcpServers)), deliver)
	} else {
		discoveryParts(b, n, inPort, own)
		linkLocalParts(b, n)
	}
	if n.nic.DHCPServer {
		for _, p := range own {
			server, client, port := uint64(67), uint64(68), of.UDPDst
			if p.Addr().Is6() {
				server, client = 547, 546
			}
			eth := etherType(p.Addr())
			b.flow(TableEgressGuard, prioServesDHCP, terms(inPort, source(p), eth, of.IPProto.Is(of.ProtoUDP), of.UDPSrc.Is(server), port.Is(client)), deliver)
			b.flow(TableEgressGuard, prioToDHCPClient, terms(inPort, source(p), eth, of.IPProto.Is(of.ProtoUDP), port.Is(client)), judge)
		}
		for _, s := range []service{dhcp(of.EthTypeIPv4, 68, 67), dhcp(of.EthTypeIPv6, 546, 547)} {
			b.flow(TableIngressGuard, prioGateway, append(s, out), of.Goto{Table: TableOutput})
		}
	}
}

// arpParts lets a NIC ask and answer by ARP from its own MAC and IPv4 addresses.
// Whoever has no address yet asks whether it is taken (RFC 5227 §2.1.1), of its own
// alone.
func arpParts(b *builder, n localNIC, inPort of.Term, own []netip.Prefix) {
	own = slices.DeleteFunc(slices.Clone(own), func(p netip.Prefix) bool { return !p.Addr().Is4() })
	if len(own) == 0 {
		return
	}
	arp := terms(inPort, of.EthType.Is(of.EthTypeARP))
	for _, op := range arpOperations() {
		b.flow(TableEgressGuard, prioDiscovery, append(slices.Clip(arp), op), of.Goto{Table: TableEgressARP})
	}
	const mac, sender, asked, others = 0, 1, 2, 3 // steps
	var ways []branch
	for _, p := range own {
		ways = append(ways, branchOf(p, load(regProfile, 0), of.Goto{Table: TableDeliver}))
	}
	w := walk{table: TableEgressARP, prio: prioOwnARP, at: arp, field: of.ARPSHA, next: others}
	w.compare(b, mac, branchOfMAC(n.nic.MAC, step(w.table, sender)...))
	w.field = of.ARPSPA
	w.compare(b, sender, append(slices.Clip(ways), branchOf(host(netip.IPv4Unspecified()), step(w.table, asked)...))...)
	w.field, w.at = of.ARPTPA, append(slices.Clip(arp), arpRequest())
	w.compare(b, asked, ways...)
}

// discoveryParts lets a NIC solicit and advertise for its own addresses, from
// its own addresses, with its own MAC in the options; own has some of IPv6.
// Before it has configured one it may ask for routers.
func discoveryParts(b *builder, n localNIC, inPort of.Term, own []netip.Prefix) {
	deliver, checkTarget := of.Goto{Table: TableDeliver}, of.Goto{Table: TableEgressND}
	unspecified := of.IPv6Src.IsAddr(netip.IPv6Unspecified())
	b.flow(TableEgressGuard, prioUnconfigured, nd(of.ICMPv6RouterSolicit, inPort, unspecified), deliver)
	optionMACs := []secgroup.MAC{n.nic.MAC, {}} // an absent option reads as zero
	for _, mac := range optionMACs {
		b.flow(TableEgressGuard, prioDiscovery, nd(of.ICMPv6NeighborSolicit, inPort, of.NDSLL.IsMAC(mac)), load(regProfile, ndTarget), checkTarget)
		b.flow(TableEgressGuard, prioDiscovery, nd(of.ICMPv6NeighborAdvert, inPort, of.NDTLL.IsMAC(mac)), load(regProfile, ndAdvertised), checkTarget)
	}
	// Duplicate address detection asks from :: for the address itself.
	b.flow(TableEgressGuard, prioUnconfigured, nd(of.ICMPv6NeighborSolicit, inPort, unspecified, of.NDSLL.IsMAC(secgroup.MAC{})), load(regProfile, ndDuplicate), checkTarget)
	for _, p := range own {
		if p.Addr().Is4() {
			continue
		}
		b.flow(TableEgressND, prioNDSource, terms(inPort, regProfile.Is(0), of.EthType.Is(of.EthTypeIPv6), source(p)), deliver)
		b.flow(TableEgressND, prioNDTarget, nd(of.ICMPv6NeighborAdvert, inPort, regProfile.Is(ndAdvertised), of.NDTarget.IsPrefix(p)), step(TableEgressND, 0)...)
		b.flow(TableEgressND, prioNDTarget, nd(of.ICMPv6NeighborSolicit, inPort, regProfile.Is(ndDuplicate), of.NDTarget.IsPrefix(p)), load(regProfile, 0), deliver)
	}
}

// sources returns what a NIC may send from: its addresses, its allowed
// addresses, and, if it has any, the link-local address of its MAC.
func sources(n *secgroup.NIC) []netip.Prefix {
	var out []netip.Prefix
	add := func(p netip.Prefix) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, a := range n.Addresses {
		add(host(a))
	}
	for _, p := range n.AllowedAddresses {
		add(p)
	}
	if len(out) > 0 {
		add(host(n.MAC.LinkLocal()))
	}
	return out
}

// source matches an IP source.
func source(p netip.Prefix) of.Term { return ingressStage().remote(p) }

// builder collects the parts of one unit.
type builder struct {
	cookie uint64
	parts  []part
}

func (b *builder) flow(table uint8, prio uint16, match []of.Term, actions ...of.Action) {
	b.parts = append(b.parts, part{key: key(table, prio, match...), cookie: b.cookie, acts: of.MustActions(actions...)})
}

func terms(t ...of.Term) []of.Term { return t }
