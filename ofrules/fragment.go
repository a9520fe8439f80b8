package ofrules

import of "github.com/ringfence/ringfence/openflow"

// Fragments are judged as the datagram they belong to. No table sees the ports
// of a fragment (OFPC_FRAG_NORMAL, ovs-fields(7)); ct() does: it holds the
// fragments back until the datagram is whole, tracks that, and then sends on
//
//   - the userspace datapath: the fragments, each with the datagram's state; the
//     first has its original tuple, too (ct_nw_proto, ct_tp_src, ct_tp_dst);
//   - the kernel datapath: the datagram, cut again when it leaves.
//
// What never becomes whole, overlaps, or lies about its length is invalid. So
// the first fragment of a new connection is judged, by its tuple where a whole
// packet is by its ports, and the later ones go straight to the ct() that
// commits. It, too, waits until the datagram is whole, which it will not be if
// the first fragment was refused:
//
//	state ─ first ─► nic … rules ─► accept ─ct─► fragment ─► next stage
//	      └ later ────────────────► accept ─ct──┘
//
// The userspace datapath (OVS before 3.3) may send fragments on among the
// packets of whoever uses ct() next, with that one's registers and actions:
// those that did not fit into their batch, and those that expired. They still
// have their own in_port, ct_zone and ct_mark, which must therefore be those of
// the pass they are in; and where a whole packet's connection is committed,
// ct() runs on a clone, so that what comes out of it goes nowhere.

// marked matches what was a fragment before ct().
func marked() of.Term { return regFragment.Is(1) }

// markFragment notes that a packet is a fragment.
func markFragment() of.Action { return load(regFragment, 1) }

func isFragment() of.Term { return of.IPFrag.IsMasked(of.FragAny, of.FragAny) }

func isFirst() of.Term { return of.IPFrag.Is(of.FragAny) }

func isLater() of.Term { return of.IPFrag.Is(of.FragAny | of.FragLater) }

func isWhole() of.Term { return of.IPFrag.Is(0) }

// ipTypes are the EtherTypes that have fragments.
func ipTypes() [2]of.Term {
	return [2]of.Term{of.EthType.Is(of.EthTypeIPv4), of.EthType.Is(of.EthTypeIPv6)}
}

// fragmentPipeline is the part of a stage that is the same for every NIC.
func fragmentPipeline(b *builder, s stage) {
	for _, eth := range ipTypes() {
		b.flow(s.state, prioFragmentOfOthers, terms(eth, isFragment(), regFragment.Is(0)))
		b.flow(s.nic, prioNICLater, terms(eth, isLater()), of.Goto{Table: s.accept})
		b.flow(s.any, prioService, terms(eth, isFirst()), of.Goto{Table: s.address})
		b.flow(s.accept, prioAcceptFragment, terms(eth, isFirst()), commit(of.CopyField{Src: regRule, Dst: of.CTMark}, int(s.fragment)))
		b.flow(s.accept, prioAcceptFragment, terms(eth, isLater()), commit(load(of.CTMark, uint64(MarkFragment)), int(s.fragment)))
	}
	b.flow(s.state, prioFragmentLost, terms(marked()))
	b.flow(s.fragment, prioUncommitted, terms(of.CTMark.Is(0))) // was not committed here
	if s.state != TableEgressState {
		return
	}
	for _, answer := range []service{dhcpAnswer(of.EthTypeIPv4), dhcpAnswer(of.EthTypeIPv6)} {
		b.flow(s.state, prioNoServerFragment, append(ofDatagram(answer), marked()))
	}
}

// fragmentParts lets the fragments of one NIC on: those of the zone, and of the
// side, that the pass is about. ICMP errors are never fragmented (RFC 1812
// §4.3.2.3, RFC 4443 §2.4), so none is related.
func fragmentParts(b *builder, n localNIC, inPort, out of.Term) {
	zone := terms(marked(), of.CTZone.Is(uint64(n.port.Zone)), regZone.Is(uint64(n.port.Zone)))
	for _, side := range []struct {
		stage stage
		port  of.Term
	}{{egressStage(), inPort}, {ingressStage(), out}} {
		state := func(table uint8, set, clear uint64, acts ...of.Action) {
			b.flow(table, prioFragment, append(terms(side.port, ctState(set, clear)), zone...), acts...)
		}
		s := side.stage
		pass := []of.Action{load(regFragment, 0), of.Goto{Table: s.next}}
		if begins := s.begins(); begins == nil {
			state(s.state, of.CTEst, of.CTNew|of.CTInv|of.CTRel, pass...)
			// Of these no rule sees the ports: they pass where the rules name none.
			b.flow(s.state, prioBothFragment, append(append(contradiction(), side.port), zone...), of.Goto{Table: s.nic})
		} else {
			state(s.state, of.CTEst|of.CTRpl, of.CTNew|of.CTInv|of.CTRel, pass...)
			state(s.state, of.CTEst, of.CTNew|of.CTInv|of.CTRel|of.CTRpl, append(begins, pass...)...)
		}
		state(s.state, of.CTNew, of.CTInv|of.CTRel, append(s.begins(), of.Goto{Table: s.nic})...)
		b.flow(s.state, prioCutFragmentAnew, append(terms(side.port, isCut(), of.CTState.IsMasked(of.CTEst|of.CTTrk, of.CTEst|of.CTNew|of.CTInv|of.CTRel|of.CTRpl|of.CTTrk)), zone...), append(s.begins(), of.Goto{Table: s.nic})...)
		state(s.fragment, 0, of.CTInv, leave(s.next)...)
	}
	b.flow(TableIngressState, prioOwnFragment, terms(marked(), inPort, out))
	if n.nic.DHCPServer {
		for _, answer := range []service{dhcpAnswer(of.EthTypeIPv4), dhcpAnswer(of.EthTypeIPv6)} {
			b.flow(TableEgressState, prioServerFragment, append(append(ofDatagram(answer), zone...), inPort), of.Goto{Table: TableEgressNIC})
		}
	}
}

// dhcpAnswer is what goes to the port of DHCP clients.
func dhcpAnswer(eth uint64) service {
	client := uint64(68)
	if eth == of.EthTypeIPv6 {
		client = 546
	}
	return service{of.EthType.Is(eth), of.IPProto.Is(of.ProtoUDP), of.UDPDst.Is(client)}
}

// forFragments adds to a service the form that fragments of its datagrams have.
func forFragments(s service) []service {
	switch {
	case len(s) == 1: // every protocol
		return []service{s}
	case ofProtocolZero(s): // ct_nw_proto=0 is no condition to OVS: no fragment matches
		return []service{append(s[:len(s):len(s)], isWhole())}
	case hasPort(s): // a fragment's ports read as 0, which no service has
		return []service{s, append(ofDatagram(s), isFirst())}
	default:
		return []service{append(s[:len(s):len(s)], isWhole()), append(ofDatagram(s), isFirst())}
	}
}

func ofProtocolZero(s service) bool {
	for _, t := range s {
		if n, _ := t.Uint64(); t.Field() == of.IPProto && n == 0 {
			return true
		}
	}
	return false
}

func hasPort(s service) bool {
	for _, t := range s {
		if f := t.Field(); f == of.TCPDst || f == of.UDPDst {
			return true
		}
	}
	return false
}

// ofDatagram matches a service by the original tuple that ct() found, in what
// the end sends that began the connection.
func ofDatagram(s service) service {
	out := service{of.CTState.IsMasked(of.CTTrk, of.CTTrk|of.CTInv|of.CTRpl)}
	for _, t := range s {
		value, mask := t.Uint64()
		switch t.Field() {
		case of.IPProto:
			t = of.CTNwProto.Is(value)
		case of.TCPSrc, of.UDPSrc, of.ICMPType, of.ICMPv6Type:
			t = of.CTTpSrc.IsMasked(value, mask)
		case of.TCPDst, of.UDPDst, of.ICMPCode, of.ICMPv6Code:
			t = of.CTTpDst.IsMasked(value, mask)
		}
		out = append(out, t)
	}
	return out
}
