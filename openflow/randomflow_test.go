package openflow

import "math/rand/v2"

// randomFlow is a flow of fields and actions of the kinds a compiler makes.
func randomFlow(r *rand.Rand, i int) Flow {
	var terms []Term
	chance := func(n int) bool { return r.IntN(n) == 0 }
	masked := func(f Field) {
		mask := r.Uint64() & (1<<min(f.Bits(), 63) - 1)
		if chance(2) {
			terms = append(terms, f.IsMasked(r.Uint64()&mask, mask))
		} else {
			terms = append(terms, f.Is(r.Uint64()&(1<<min(f.Bits(), 63)-1)))
		}
	}
	for n := range 16 {
		if chance(4) {
			masked(Reg(n))
		}
	}
	for _, f := range []Field{Metadata, PktMark, CTMark, TunID, EthSrc, EthDst} {
		if chance(6) {
			masked(f)
		}
	}
	if chance(3) {
		terms = append(terms, CTState.IsMasked(CTTrk|uint64(r.IntN(2))<<1, CTTrk|CTEst|CTNew))
	}
	if chance(5) {
		terms = append(terms, InPort.Is(uint64(1+r.IntN(100))))
	}
	if chance(4) {
		terms = append(terms, VlanVID.Is(VlanPresent|uint64(r.IntN(4096))))
		if chance(2) {
			terms = append(terms, VlanPCP.Is(uint64(r.IntN(8))))
		}
	}
	if chance(9) {
		terms = append(terms, ConjID.Is(uint64(r.Uint32())))
	}
	switch r.IntN(5) {
	case 0:
		terms = append(terms, EthType.Is(EthTypeARP), ARPOp.Is(uint64(1+r.IntN(2))))
		masked(ARPSPA)
	case 1, 2:
		terms = append(terms, EthType.Is(EthTypeIPv4))
		masked(IPv4Src)
		masked(IPv4Dst)
	case 3:
		terms = append(terms, EthType.Is(EthTypeIPv6))
		var v, m [16]byte
		for i := range v {
			m[i] = byte(r.Uint32())
			v[i] = byte(r.Uint32()) & m[i]
		}
		terms = append(terms, IPv6Src.IsBytes(v[:], m[:]))
	}
	if last := terms; len(last) > 0 && r.IntN(5) > 0 {
		for _, t := range last {
			if v, _ := t.Uint64(); t.Field() == EthType && v != EthTypeARP {
				switch r.IntN(4) {
				case 0:
					terms = append(terms, IPProto.Is(ProtoTCP))
					masked(TCPDst)
				case 1:
					terms = append(terms, IPProto.Is(ProtoUDP))
					masked(UDPSrc)
				case 2:
					terms = append(terms, IPProto.Is(uint64(r.IntN(256))), IPFrag.IsMasked(FragAny, FragAny))
				}
				break
			}
		}
	}
	f := Flow{Table: uint8(r.IntN(100)), Priority: uint16(i), Cookie: r.Uint64(), Match: MustMatch(terms...)}
	var actions []Action
	if chance(3) {
		for range 1 + r.IntN(5) {
			of := uint8(2 + r.IntN(63))
			actions = append(actions, Conjunction{r.Uint32(), 1 + uint8(r.IntN(int(of))), of})
		}
	} else {
		for range r.IntN(5) {
			mask := uint64(r.Uint32()) | 1
			actions = append(actions, []Action{
				SetField{Reg(r.IntN(16)), uint64(r.Uint32()), 0},
				SetField{Reg(r.IntN(16)), uint64(r.Uint32()) & mask, mask},
				SetField{Metadata, r.Uint64(), 0},
				CopyField{Src: Reg0, Dst: Reg5},
				Resubmit{Table: uint8(r.IntN(250))},
				Output{Port: uint32(1 + r.IntN(100))},
				OutputField{Field: Reg7},
				Note{[]byte{1, 2, byte(i)}},
				Controller{MaxLen: NoBuffer, UserData: []byte{byte(i), 2}, Reason: ReasonAction},
			}[r.IntN(9)])
		}
		if chance(4) {
			actions = append(actions, Goto{f.Table + 1 + uint8(r.IntN(50))})
		}
	}
	f.Actions = MustActions(actions...)
	return f
}
