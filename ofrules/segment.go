package ofrules

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// floodChunk is how many NICs one flood flow serves: 48 bytes each, well below
// the 65,535 of an OpenFlow message.
const floodChunk = 500

// segmentInput is all that the flows of an L2 segment depend on. A segment is
// a VLAN in one routing domain.
type segmentInput struct {
	number   uint32
	vlan     uint16
	uplink   uint32 // ofport, 0 = the segment ends at the host
	gateways []netip.Addr
	nics     []localNIC // sorted by id
}

// segmentParts compiles flooding, the way out by the uplink, and the routers
// whose advertisements are believed.
func segmentParts(in segmentInput) []part {
	b := builder{cookie: cookie(KindSegment, in.number)}
	seg := regSegment.Is(uint64(in.number))

	var flood []of.Action
	for i := 0; i*floodChunk < len(in.nics); i++ {
		flood = append(flood, load(regProfile, uint64(i)), of.Resubmit{Table: TableFlood})
		// A chunk's number leaves its register before anything else reads it.
		acts := []of.Action{load(regProfile, 0)}
		for _, n := range in.nics[i*floodChunk : min((i+1)*floodChunk, len(in.nics))] {
			to := uint8(TableIngressGuard)
			if n.nic.Enforcement == secgroup.EnforcementOff {
				to = TableOutput
			}
			acts = append(acts, load(regZone, uint64(n.port.Zone)), load(regOut, uint64(n.port.OFPort)), of.Resubmit{Table: to})
		}
		b.flow(TableFlood, prioFloodChunk, terms(seg, regProfile.Is(uint64(i))), acts...)
	}
	many := of.EthDst.IsMACMasked(groupBit, groupBit)
	if in.uplink != 0 {
		// What came in by the uplink does not leave by it.
		fromUplink := of.InPort.Is(uint64(in.uplink))
		b.flow(TableDeliver, prioFloodFromUplink, terms(seg, many, fromUplink), flood...)
		b.flow(TableDeliver, prioUnknownUplink, terms(seg, fromUplink))
		b.flow(TableDeliver, prioUnknown, terms(seg), uplinkActions(in)...)
	}
	b.flow(TableDeliver, prioFlood, terms(seg, many), append(flood, uplinkActions(in)...)...)
	for _, g := range in.gateways {
		if g.Is6() {
			b.flow(TableIngressGuard, prioGateway, nd(of.ICMPv6RouterAdvert, seg, of.IPv6Src.IsAddr(g)), of.Goto{Table: TableOutput})
		} else { // RFC 1256: a host does without, so that its rules decide
			match := append(icmpOf(secgroup.FamilyIPv4), of.ICMPType.Is(of.ICMPRouterAdvert), seg, of.IPv4Src.IsAddr(g))
			b.flow(TableIngressGuard, prioGateway, match, of.CT{ZoneField: regZone, Table: TableIngressState})
		}
	}
	return b.parts
}

// groupBit is set in broadcast and multicast MACs (IEEE 802).
var groupBit = secgroup.MAC{0: 1}

// uplinkActions sends a frame out by the uplink, if there is one.
func uplinkActions(in segmentInput) []of.Action {
	switch {
	case in.uplink == 0:
		return nil
	case in.vlan == 0:
		return []of.Action{of.Output{Port: in.uplink}}
	default:
		return []of.Action{of.PushVLAN{}, of.SetField{Field: of.VlanVID, Value: of.VlanPresent | uint64(in.vlan)}, of.Output{Port: in.uplink}}
	}
}

// vlanParts compiles the entry from the uplink for one VLAN. Segments that share
// it are each offered the frame; it is delivered where its MAC is known.
func vlanParts(vlan uint16, uplink uint32, segments []uint32) []part {
	b := builder{cookie: cookie(KindSegment, 0)}
	match := terms(of.InPort.Is(uint64(uplink)), of.VlanVID.Is(0))
	var acts []of.Action
	if vlan != 0 {
		match = terms(of.InPort.Is(uint64(uplink)), of.VlanVID.Is(of.VlanPresent|uint64(vlan)))
		acts = append(acts, of.PopVLAN{})
	}
	for i, s := range segments {
		if i > 0 { // clear what the look-up in the previous segment has found
			acts = append(acts, macFound{}.load()...)
		}
		acts = append(acts, load(regSegment, uint64(s)), of.Resubmit{Table: TableDeliver})
	}
	b.flow(TableEntry, prioEntry, match, acts...)
	if vlan == 0 {
		// A tag that gives a priority and no VLAN is an untagged frame's
		// (IEEE 802.1Q, section 6.9).
		b.flow(TableEntry, prioEntry, terms(of.InPort.Is(uint64(uplink)), of.VlanVID.Is(of.VlanPresent)), append([]of.Action{of.PopVLAN{}}, acts...)...)
	}
	return b.parts
}

// baselineParts compiles the operator's exact addresses, which every NIC may
// reach.
func baselineParts(bl *secgroup.Baseline) []part {
	b := builder{cookie: cookie(KindBaseline, MarkBaseline)}
	for _, a := range bl.Addresses {
		proto, port := uint64(of.ProtoTCP), of.TCPDst
		if a.Protocol == secgroup.ProtocolUDP {
			proto, port = of.ProtoUDP, of.UDPDst
		}
		to := service{etherType(a.Address), egressStage().remote(host(a.Address)), of.IPProto.Is(proto), port.Is(uint64(a.Port))}
		for _, s := range forFragments(to) {
			b.flow(TableEgressAny, prioBaseline, s, load(regRule, uint64(MarkBaseline)), of.Goto{Table: TableEgressAccept})
		}
	}
	return b.parts
}

// destinationParts compiles the flows that find a NIC by the destination MAC of a frame
// in its segment, byte by byte as walk does. NICs whose MACs begin alike share flows, so
// a step is identified by the bytes that matched so far, in two registers, and not by a
// number.
func destinationParts(segment uint32, mac secgroup.MAC) []part {
	b := builder{cookie: cookie(KindSegment, segment)}
	for i := range mac {
		var value, mask secgroup.MAC
		value[i], mask[i] = mac[i], 0xff
		at := macFoundOf(mac, i)
		next := append(macFoundOf(mac, i+1).load(), of.Resubmit{Table: TableDeliver})
		if i == len(mac)-1 {
			next = append(macFound{}.load(), of.Goto{Table: TableLocal})
		}
		b.flow(TableDeliver, prioDeliver, terms(regSegment.Is(uint64(segment)), regProfile.Is(at.profile), regOut.Is(at.out), of.EthDst.IsMACMasked(value, mask)), next...)
	}
	return b.parts
}

// macFound is a step of the look-up of a destination MAC, as the registers have it: how
// many bytes have matched, and which.
type macFound struct{ profile, out uint64 }

func macFoundOf(mac secgroup.MAC, n int) (f macFound) {
	for i := range min(n, 4) {
		f.out |= uint64(mac[i]) << (8 * i)
	}
	f.profile = uint64(n)
	if n > 4 {
		f.profile |= uint64(mac[4]) << 8
	}
	return f
}

func (f macFound) load() []of.Action {
	return []of.Action{load(regProfile, f.profile), load(regOut, f.out)}
}

// segment is an L2 segment with local NICs: a VLAN in one routing domain.
type segment struct {
	name   string
	number uint32
	vlan   uint16
	local  bool // no VLAN: nothing leaves it by the uplink, nor comes in
	nics   map[string]struct{}
}

// compileSegments compiles the segments that changed and the VLANs they are on.
func (c *Compiler) compileSegments(s *span.Share) {
	vlans := map[uint16]struct{}{}
	for name := range c.pending.segments {
		seg := c.shared.segments[name]
		if seg == nil {
			continue
		}
		if !seg.local {
			vlans[seg.vlan] = struct{}{}
		}
		unit := unitKey{kind: KindSegment, name: name}
		if len(seg.nics) == 0 {
			delete(c.shared.segments, name)
			c.numbers.segments.release(name)
			c.set.setUnit(unit, nil)
			continue
		}
		c.set.setUnit(unit, segmentParts(c.segmentInput(s, seg)))
	}
	for vlan := range vlans {
		var numbers []uint32
		for _, seg := range c.shared.segments {
			if seg.vlan == vlan && !seg.local {
				numbers = append(numbers, seg.number)
			}
		}
		slices.Sort(numbers)
		var parts []part
		if c.local.sockets.uplink != 0 && len(numbers) > 0 {
			parts = vlanParts(vlan, c.local.sockets.uplink, numbers)
		}
		c.set.setUnit(unitKey{kind: KindSegment, name: fmt.Sprintf("vlan %d", vlan)}, parts)
	}
}

func (c *Compiler) segmentInput(s *span.Share, seg *segment) segmentInput {
	in := segmentInput{number: seg.number, vlan: seg.vlan}
	if !seg.local {
		in.uplink = c.local.sockets.uplink
	}
	networks := map[string]struct{}{}
	for _, id := range slices.Sorted(maps.Keys(seg.nics)) {
		n := c.local.nics[id]
		if !n.elsewhere {
			in.nics = append(in.nics, n)
		}
		networks[n.nic.Network] = struct{}{}
	}
	for id := range networks {
		if n := s.Networks[id]; n != nil {
			in.gateways = append(in.gateways, n.Gateways...)
		}
	}
	slices.SortFunc(in.gateways, func(a, b netip.Addr) int { return a.Compare(b) })
	in.gateways = slices.Compact(in.gateways)
	return in
}
