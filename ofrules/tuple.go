package ofrules

import (
	"net/netip"

	of "github.com/ringfence/ringfence/openflow"
)

// Tuple is what one direction of a connection looks like. Ports are zero for
// protocols that have none.
type Tuple struct {
	Proto            uint8
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
}

func (t Tuple) addresses() []of.Term {
	if t.Src.Is6() {
		return []of.Term{etherType(t.Src), of.IPv6Src.IsAddr(t.Src), of.IPv6Dst.IsAddr(t.Dst)}
	}
	return []of.Term{etherType(t.Src), of.IPv4Src.IsAddr(t.Src), of.IPv4Dst.IsAddr(t.Dst)}
}
