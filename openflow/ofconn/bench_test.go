package ofconn_test

import (
	"testing"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// BenchmarkBundle installs 100,000 flows in one bundle on a real ovs-vswitchd.
func BenchmarkBundle(b *testing.B) {
	const n = 100_000
	c := dialSwitch(b, startSwitch(b))
	mods := adds(manyFlows(n))
	clear := []wire.FlowMod{{Command: wire.FlowDelete, Flow: openflow.Flow{Table: wire.AllTables}}}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Bundle(testContext(b), mods); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := c.Bundle(testContext(b), clear); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
}

// BenchmarkDump reads 100,000 flows.
func BenchmarkDump(b *testing.B) {
	const n = 100_000
	c := dialSwitch(b, startSwitch(b))
	if err := c.Bundle(testContext(b), adds(manyFlows(n))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		flows, err := c.Dump(testContext(b), 0, 0)
		if err != nil || len(flows) != n {
			b.Fatalf("%d flows, error %v", len(flows), err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
}

// BenchmarkSmallBundle is the round trip of one changed flow, with 10,000 others
// in place.
func BenchmarkSmallBundle(b *testing.B) {
	c := dialSwitch(b, startSwitch(b))
	flows := manyFlows(10_000)
	if err := c.Bundle(testContext(b), adds(flows)); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		f := flows[i%len(flows)]
		f.Cookie++
		if err := c.Bundle(testContext(b), adds([]openflow.Flow{f})); err != nil {
			b.Fatal(err)
		}
	}
}
