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

func BenchmarkEncodeFlowMod(b *testing.B) {
	b.ReportAllocs()
	add := BundleAdd{ID: 1, Flags: BundleAtomic, Message: AddFlow(benchFlow(1))}
	var buf []byte
	var err error
	for range b.N {
		if buf, err = Append(buf[:0], 1, add); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeDump decodes the reply of a dump, 100 flows at a time; the
// time is that of one flow.
func BenchmarkDecodeDump(b *testing.B) {
	b.ReportAllocs()
	var reply FlowDescReply
	for i := range 100 {
		reply.Flows = append(reply.Flows, FlowStats{Flow: benchFlow(i)})
	}
	message, err := Append(nil, 1, reply)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := 0; i < b.N; i += 100 {
		if _, _, err := Decode(message); err != nil {
			b.Fatal(err)
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
