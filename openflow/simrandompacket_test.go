package openflow

import "net/netip"

var worldAddresses = []netip.Addr{
	netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"),
	netip.MustParseAddr("10.0.1.1"), netip.MustParseAddr("10.8.0.1"),
}

var worldAddresses6 = []netip.Addr{
	netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2"),
	netip.MustParseAddr("fd00:0:0:1::1"),
}

var worldMACs = [][6]byte{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}

func (w *world) packet() Packet {
	terms := []Term{InPort.Is(1 + w.rng.Uint64N(worldPorts)),
		EthSrc.IsMAC(pick(w, worldMACs...)), EthDst.IsMAC(pick(w, worldMACs...))}
	if w.rng.IntN(4) == 0 {
		terms = append(terms, VlanVID.Is(VlanPresent|1+w.rng.Uint64N(2)))
	}
	for r := range 3 {
		if w.rng.IntN(2) == 0 {
			terms = append(terms, Reg(r).Is(w.rng.Uint64N(4)))
		}
	}
	tcpOrUDP := func() []Term {
		if w.rng.IntN(2) == 0 {
			return []Term{IPProto.Is(ProtoTCP), TCPSrc.Is(w.rng.Uint64N(16)), TCPDst.Is(w.rng.Uint64N(16))}
		}
		return []Term{IPProto.Is(ProtoUDP), UDPSrc.Is(w.rng.Uint64N(16)), UDPDst.Is(w.rng.Uint64N(16))}
	}
	switch w.rng.IntN(6) {
	case 0:
		terms = append(terms, EthType.Is(EthTypeARP), ARPOp.Is(1+w.rng.Uint64N(2)),
			ARPSPA.IsAddr(pick(w, worldAddresses...)), ARPTPA.IsAddr(pick(w, worldAddresses...)))
	case 1:
		terms = append(terms, EthType.Is(EthTypeIPv6), IPv6Src.IsAddr(pick(w, worldAddresses6...)), IPv6Dst.IsAddr(pick(w, worldAddresses6...)))
		if w.rng.IntN(3) == 0 {
			terms = append(terms, IPProto.Is(ProtoICMPv6), ICMPv6Type.Is(pick[uint64](w, 128, 135)))
		} else {
			terms = append(terms, tcpOrUDP()...)
		}
	default:
		terms = append(terms, EthType.Is(EthTypeIPv4), IPv4Src.IsAddr(pick(w, worldAddresses...)), IPv4Dst.IsAddr(pick(w, worldAddresses...)))
		switch w.rng.IntN(5) {
		case 0:
			terms = append(terms, IPProto.Is(ProtoICMP), ICMPType.Is(pick[uint64](w, 0, 8)))
		case 1:
			terms = append(terms, IPFrag.Is(FragAny))
			terms = append(terms, tcpOrUDP()...)
		default:
			terms = append(terms, tcpOrUDP()...)
		}
	}
	p, err := NewPacket(terms...)
	if err != nil {
		panic(err)
	}
	return p
}

// states are the ct_state values of the recirculations of one packet.
func (w *world) states() []uint32 {
	var states []uint32
	for range 12 {
		states = append(states, CTTrk|pick[uint32](w, CTNew, CTEst, CTEst|CTRpl, CTInv, CTRel|CTNew, 0))
	}
	return states
}
