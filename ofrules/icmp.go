package ofrules

import (
	"slices"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// ICMP messages that connection tracking does not know (secgroup.ICMPStateless)
// come out of ct() as invalid. They are judged by the rules all the same, each
// for itself, and are not committed; whatever else is invalid is dropped. The
// kernel's ct() tracks a few more messages than the userspace one: what it calls
// new is judged as on the userspace datapath, and never becomes a connection.
//
//	state ─ invalid ICMP ─► invalid ─ stateless ─► nic … rules ─► accept ─ without ct ─► next stage
//
// Open vSwitch matches an ICMP type whole or not at all, so that the type goes to
// a register first, which can be matched by its bits.

// icmpPipeline is the part of a stage that tells ICMP messages apart by what
// connection tracking makes of them. Fragments do not get there: those of
// stateless messages are dropped, as no table can tell of what they are.
func icmpPipeline(b *builder, s stage) {
	for _, f := range []secgroup.Family{secgroup.FamilyIPv4, secgroup.FamilyIPv6} {
		typ, code := icmpFields(f)
		toRegister := of.CopyField{Src: typ, SrcBits: of.Range{Width: 8}, Dst: regLabel, DstBits: of.Range{Width: 8}}
		b.flow(s.state, prioInvalidICMP, append(icmpOf(f), ctState(of.CTInv, 0)), toRegister, of.Goto{Table: s.invalid})
		for _, block := range tracked(f) {
			b.flow(s.invalid, prioICMPTracked, append(icmpOf(f), block))
		}
		b.flow(s.invalid, prioICMPStateless, icmpOf(f), load(regLabel, 0), of.Goto{Table: s.nic})

		for n := range 256 {
			if secgroup.ICMPClassOf(f, uint8(n)) != secgroup.ICMPRequest {
				continue
			}
			request := slices.Clip(append(icmpOf(f), typ.Is(uint64(n))))
			// One with a code is new to the kernel alone.
			b.flow(s.state, prioRequest, append(request, code.Is(0), isNew()), of.Goto{Table: s.nic})
			b.flow(s.state, prioWithCode, append(request, isNew()))
			b.flow(s.accept, prioAcceptRequest, request, accept(s)...)
		}
		b.flow(s.accept, prioAcceptStateless, icmpOf(f), leave(s.next)...)
	}
}

// tracked matches, in the register, the ICMP types of a family that are not
// stateless: as few aligned blocks as there can be.
func tracked(f secgroup.Family) (blocks []of.Term) {
	whole := func(at, size int) bool {
		for typ := at; typ < at+size; typ++ {
			if secgroup.ICMPClassOf(f, uint8(typ)) == secgroup.ICMPStateless {
				return false
			}
		}
		return at%size == 0 && at+size <= 256
	}
	for at := 0; at < 256; {
		size := 1
		for whole(at, 2*size) {
			size *= 2
		}
		if whole(at, size) {
			blocks = append(blocks, regLabel.IsMasked(uint64(at), uint64(256-size)))
		}
		at += size
	}
	return blocks
}

// icmpOf matches the ICMP of a family.
func icmpOf(f secgroup.Family) []of.Term {
	if f == secgroup.FamilyIPv6 {
		return slices.Clip(terms(of.EthType.Is(of.EthTypeIPv6), of.IPProto.Is(of.ProtoICMPv6)))
	}
	return slices.Clip(terms(of.EthType.Is(of.EthTypeIPv4), of.IPProto.Is(of.ProtoICMP)))
}

func icmpFields(f secgroup.Family) (typ, code of.Field) {
	if f == secgroup.FamilyIPv6 {
		return of.ICMPv6Type, of.ICMPv6Code
	}
	return of.ICMPType, of.ICMPCode
}
