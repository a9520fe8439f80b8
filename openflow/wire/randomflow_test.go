package wire

import (
	"math/rand/v2"

	"github.com/ringfence/ringfence/openflow"
)

// randomFlow is a flow of fields and actions of the kinds a compiler makes.
func randomFlow(r *rand.Rand, i int) openflow.Flow {
	var terms []openflow.Term
	chance := func(n int) bool { return r.IntN(n) == 0 }
	masked := func(f openflow.Field) {
		mask := r.Uint64() & (1<<min(f.Bits(), 63) - 1)
		if chance(2) {
			terms = append(terms, f.IsMasked(r.Uint64()&mask, mask))
		} else {
			terms = append(terms, f.Is(r.Uint64()&(1<<min(f.Bits(), 63)-1)))
		}
	}
	for n := range 16 {
		if chance(4) {
			masked(openflow.Reg(n))
		}
	}
	for _, f := range []openflow.Field{openflow.Metadata, openflow.PktMark, openflow.CTMark, openflow.TunID, openflow.EthSrc, openflow.EthDst} {
		if chance(6) {
			masked(f)
		}
	}
	if chance(3) {
		terms = append(terms, openflow.CTState.IsMasked(openflow.CTTrk|uint64(r.IntN(2))<<1, openflow.CTTrk|openflow.CTEst|openflow.CTNew))
	}
	if chance(5) {
		terms = append(terms, openflow.InPort.Is(uint64(1+r.IntN(100))))
	}
	if chance(4) {
		terms = append(terms, openflow.VlanVID.Is(openflow.VlanPresent|uint64(r.IntN(4096))))
		if chance(2) {
			terms = append(terms, openflow.VlanPCP.Is(uint64(r.IntN(8))))
		}
	}
	if chance(9) {
		terms = append(terms, openflow.ConjID.Is(uint64(r.Uint32())))
	}
	switch r.IntN(5) {
	case 0:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeARP), openflow.ARPOp.Is(uint64(1+r.IntN(2))))
		masked(openflow.ARPSPA)
	case 1, 2:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv4))
		masked(openflow.IPv4Src)
		masked(openflow.IPv4Dst)
	case 3:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv6))
		var v, m [16]byte
		for i := range v {
			m[i] = byte(r.Uint32())
			v[i] = byte(r.Uint32()) & m[i]
		}
		terms = append(terms, openflow.IPv6Src.IsBytes(v[:], m[:]))
	}
	if last := terms; len(last) > 0 && r.IntN(5) > 0 {
		for _, t := range last {
			if v, _ := t.Uint64(); t.Field() == openflow.EthType && v != openflow.EthTypeARP {
				switch r.IntN(4) {
				case 0:
					terms = append(terms, openflow.IPProto.Is(openflow.ProtoTCP))
					masked(openflow.TCPDst)
				case 1:
					terms = append(terms, openflow.IPProto.Is(openflow.ProtoUDP))
					masked(openflow.UDPSrc)
				case 2:
					terms = append(terms, openflow.IPProto.Is(uint64(r.IntN(256))), openflow.IPFrag.IsMasked(openflow.FragAny, openflow.FragAny))
				}
				break
			}
		}
	}
	f := openflow.Flow{Table: uint8(r.IntN(100)), Priority: uint16(i), Cookie: r.Uint64(), Match: openflow.MustMatch(terms...)}
	var actions []openflow.Action
	if chance(3) {
		for range 1 + r.IntN(5) {
			of := uint8(2 + r.IntN(63))
			actions = append(actions, openflow.Conjunction{ID: r.Uint32(), Clause: 1 + uint8(r.IntN(int(of))), Of: of})
		}
	} else {
		for range r.IntN(5) {
			mask := uint64(r.Uint32()) | 1
			actions = append(actions, []openflow.Action{
				openflow.SetField{Field: openflow.Reg(r.IntN(16)), Value: uint64(r.Uint32()), Mask: 0},
				openflow.SetField{Field: openflow.Reg(r.IntN(16)), Value: uint64(r.Uint32()) & mask, Mask: mask},
				openflow.SetField{Field: openflow.Metadata, Value: r.Uint64(), Mask: 0},
				openflow.CopyField{Src: openflow.Reg0, Dst: openflow.Reg5},
				openflow.Resubmit{Table: uint8(r.IntN(250))},
				openflow.Output{Port: uint32(1 + r.IntN(100))},
				openflow.OutputField{Field: openflow.Reg7},
				openflow.Note{Data: []byte{1, 2, byte(i)}},
				openflow.Controller{MaxLen: openflow.NoBuffer, UserData: []byte{byte(i), 2}, Reason: openflow.ReasonAction},
			}[r.IntN(9)])
		}
		if chance(4) {
			actions = append(actions, openflow.Goto{Table: f.Table + 1 + uint8(r.IntN(50))})
		}
	}
	f.Actions = openflow.MustActions(actions...)
	return f
}
