package openflow

import (
	"net/netip"
	"testing"
)

// benchFlow is a flow as an address table has them.
func benchFlow(i int) Flow {
	addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	return Flow{
		Table: 7, Priority: 100, Cookie: uint64(i),
		Match:   MustMatch(EthType.Is(EthTypeIPv4), Reg0.Is(5), IPv4Src.IsAddr(addr)),
		Actions: MustActions(SetField{Reg3, 5, 0}, SetField{Reg4, 5, 0}, Resubmit{Table: 9}),
	}
}

func BenchmarkNewFlow(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		if f := benchFlow(i); f.Match.IsZero() {
			b.Fatal("empty")
		}
	}
}

func BenchmarkFlowString(b *testing.B) {
	b.ReportAllocs()
	f := benchFlow(1)
	for range b.N {
		if f.String() == "" {
			b.Fatal("empty")
		}
	}
}
