package wire

import (
	"fmt"
	"testing"

	"github.com/ringfence/ringfence/openflow"
)

// benchFlow is a flow as an address table has them.
func benchFlow(i int) openflow.Flow {
	return mustFlow(fmt.Sprintf("cookie=%#x,table=7,priority=100,ip,reg0=0x5,nw_src=10.0.%d.%d actions=set_field:5->reg3,set_field:5->reg4,resubmit(,9)", i, i>>8&255, i&255))
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
