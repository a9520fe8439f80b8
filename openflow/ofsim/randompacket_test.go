package ofsim

import (
	"net/netip"

	"github.com/ringfence/ringfence/openflow"
)

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
	terms := []openflow.Term{openflow.InPort.Is(1 + w.rng.Uint64N(worldPorts)),
		openflow.EthSrc.IsMAC(pick(w, worldMACs...)), openflow.EthDst.IsMAC(pick(w, worldMACs...))}
	if w.rng.IntN(4) == 0 {
		terms = append(terms, openflow.VlanVID.Is(openflow.VlanPresent|1+w.rng.Uint64N(2)))
	}
	for r := range 3 {
		if w.rng.IntN(2) == 0 {
			terms = append(terms, openflow.Reg(r).Is(w.rng.Uint64N(4)))
		}
	}
	tcpOrUDP := func() []openflow.Term {
		if w.rng.IntN(2) == 0 {
			return []openflow.Term{openflow.IPProto.Is(openflow.ProtoTCP), openflow.TCPSrc.Is(w.rng.Uint64N(16)), openflow.TCPDst.Is(w.rng.Uint64N(16))}
		}
		return []openflow.Term{openflow.IPProto.Is(openflow.ProtoUDP), openflow.UDPSrc.Is(w.rng.Uint64N(16)), openflow.UDPDst.Is(w.rng.Uint64N(16))}
	}
	switch w.rng.IntN(6) {
	case 0:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeARP), openflow.ARPOp.Is(1+w.rng.Uint64N(2)),
			openflow.ARPSPA.IsAddr(pick(w, worldAddresses...)), openflow.ARPTPA.IsAddr(pick(w, worldAddresses...)))
	case 1:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv6), openflow.IPv6Src.IsAddr(pick(w, worldAddresses6...)), openflow.IPv6Dst.IsAddr(pick(w, worldAddresses6...)))
		if w.rng.IntN(3) == 0 {
			terms = append(terms, openflow.IPProto.Is(openflow.ProtoICMPv6), openflow.ICMPv6Type.Is(pick[uint64](w, 128, 135)))
		} else {
			terms = append(terms, tcpOrUDP()...)
		}
	default:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPv4Src.IsAddr(pick(w, worldAddresses...)), openflow.IPv4Dst.IsAddr(pick(w, worldAddresses...)))
		switch w.rng.IntN(5) {
		case 0:
			terms = append(terms, openflow.IPProto.Is(openflow.ProtoICMP), openflow.ICMPType.Is(pick[uint64](w, 0, 8)))
		case 1:
			terms = append(terms, openflow.IPFrag.Is(openflow.FragAny))
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
		states = append(states, openflow.CTTrk|pick[uint32](w, openflow.CTNew, openflow.CTEst, openflow.CTEst|openflow.CTRpl, openflow.CTInv, openflow.CTRel|openflow.CTNew, 0))
	}
	return states
}
