package ofrules

import (
	"math/bits"
	"net/netip"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// Destinations of DHCP clients that have no address: RFC 2131 §4.1, RFC 8415 §7.1.
var (
	broadcast   = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	dhcpServers = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 13: 1, 15: 2})
)

// key names a flow. The terms are the compiler's own, so that a refused match
// is a bug and not an input.
func key(table uint8, prio uint16, terms ...of.Term) of.FlowKey {
	return of.FlowKey{Table: table, Priority: prio, Match: of.MustMatch(terms...)}
}

// load sets a whole register.
func load(reg of.Field, v uint64) of.Action {
	return of.SetField{Field: reg, Value: v}
}

func stageOf(d secgroup.Direction) stage {
	if d == secgroup.Egress {
		return egressStage()
	}
	return ingressStage()
}

// remote matches the remote address of a packet in this stage.
func (s stage) remote(p netip.Prefix) of.Term {
	if p.Addr().Is6() {
		return s.remote6.IsPrefix(p)
	}
	return s.remote4.IsPrefix(p)
}

func etherType(a netip.Addr) of.Term {
	if a.Is6() {
		return of.EthType.Is(of.EthTypeIPv6)
	}
	return of.EthType.Is(of.EthTypeIPv4)
}

// host is the prefix that holds one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// portMask matches the port range [value, value | ^mask].
type portMask struct{ value, mask uint16 }

// portMasks covers the port range [lo, hi] exactly with the fewest aligned
// blocks: at most 30.
func portMasks(lo, hi uint16) []portMask {
	var out []portMask
	for p := uint32(lo); p <= uint32(hi); {
		size := uint32(1) << 16
		if p != 0 {
			size = 1 << bits.TrailingZeros32(p)
		}
		for p+size-1 > uint32(hi) {
			size >>= 1
		}
		out = append(out, portMask{uint16(p), ^uint16(size - 1)})
		p += size
	}
	return out
}

// endTerms match the addresses of a packet.
func endTerms(t packet.Tuple) []of.Term {
	if t.Src.Is6() {
		return []of.Term{etherType(t.Src), of.IPv6Src.IsAddr(t.Src), of.IPv6Dst.IsAddr(t.Dst)}
	}
	return []of.Term{etherType(t.Src), of.IPv4Src.IsAddr(t.Src), of.IPv4Dst.IsAddr(t.Dst)}
}

// nd matches one Neighbor Discovery message. Hop limit 255 proves that no
// router forwarded it (RFC 4861 §7.1).
func nd(typ uint64, more ...of.Term) []of.Term {
	return append([]of.Term{of.EthType.Is(of.EthTypeIPv6), of.IPProto.Is(of.ProtoICMPv6), of.ICMPv6Type.Is(typ), of.ICMPv6Code.Is(0), of.IPTTL.Is(255)}, more...)
}

// arpOperations are those that resolve addresses: request and reply (RFC 826).
// RARP, InARP and what else there is have no place between VMs.
func arpOperations() [2]of.Term { return [2]of.Term{arpRequest(), of.ARPOp.Is(2)} }

func arpRequest() of.Term { return of.ARPOp.Is(1) }

// ctState matches what a packet is to connection tracking.
func ctState(set, clear uint64) of.Term {
	return of.CTState.IsMasked(set|of.CTTrk, set|clear|of.CTTrk)
}
