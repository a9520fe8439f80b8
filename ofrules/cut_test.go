package ofrules_test

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
)

func TestCutsAreReadBack(t *testing.T) {
	a4, b4 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	a6, b6 := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	for _, c := range []ofrules.Cut{
		{OFPort: 7, Sends: ofrules.Tuple{Proto: of.ProtoTCP, Src: a4, Dst: b4, SrcPort: 443, DstPort: 40000}},
		{OFPort: 7, Sends: ofrules.Tuple{Proto: of.ProtoUDP, Src: a6, Dst: b6, SrcPort: 53, DstPort: 40000}, Began: true},
		{OFPort: 7, Sends: ofrules.Tuple{Proto: 47, Src: a6, Dst: b6}},
	} {
		for _, f := range append(c.Egress(), c.Ingress()...) {
			if got, ok := ofrules.ParseCut(f); !ok || got != c {
				t.Errorf("%v is read as %+v, %v; want %+v", f, got, ok, c)
			}
			f.Priority++
			if got, ok := ofrules.ParseCut(f); ok {
				t.Errorf("%v is read as %+v, but is no flow of a cut", f, got)
			}
		}
	}
}
