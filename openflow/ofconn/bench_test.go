package ofconn_test

import (
	"testing"

	"github.com/prometheus/procfs"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// BenchmarkBundle installs 100,000 flows in one bundle on a real ovs-vswitchd, and tells
// what processor time of that a flow takes: nobody installs it faster.
func BenchmarkBundle(b *testing.B) {
	const n = 100_000
	v := startSwitch(b)
	c := dialSwitch(b, v)
	spent := 0.0
	mods := adds(manyFlows(n))
	clear := []wire.FlowMod{{Command: wire.FlowDelete, Flow: openflow.Flow{Table: wire.AllTables}}}
	b.ReportAllocs()
	for b.Loop() {
		before := processorTime(b, v.VswitchdPID())
		if err := c.Bundle(testContext(b), mods); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		spent += processorTime(b, v.VswitchdPID()) - before
		if err := c.Bundle(testContext(b), clear); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(1e6*spent/n/float64(b.N), "switch-µs/flow")
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
}

// processorTime is what a process has taken so far, in seconds; proc(5) counts hundredths.
func processorTime(b *testing.B, pid int) float64 {
	b.Helper()
	p, err := procfs.NewProc(pid)
	if err != nil {
		b.Fatal(err)
	}
	stat, err := p.Stat()
	if err != nil {
		b.Fatal(err)
	}
	return stat.CPUTime()
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

// BenchmarkSmallBundle changes flows, with 10,000 others in place: one alone, as
// a bundle of two of shapes that the switch knows, and as one of which a shape
// is new each time, so that what the switch says of it is awaited before the commit.
func BenchmarkSmallBundle(b *testing.B) {
	b.Run("one", func(b *testing.B) { benchmarkChange(b, 1, false) })
	b.Run("known", func(b *testing.B) { benchmarkChange(b, 2, false) })
	b.Run("checked", func(b *testing.B) { benchmarkChange(b, 2, true) })
}

func benchmarkChange(b *testing.B, n int, newShape bool) {
	c := dialSwitch(b, startSwitch(b))
	flows := manyFlows(10_000)
	if err := c.Bundle(testContext(b), adds(flows)); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		mods := adds(flows[12*i%9000:][:n]) // no ct, whose zone is another each time
		for j := range mods {
			mods[j].Flow.Cookie++
			if newShape {
				mods[j].OutPort = uint32(i) // of no meaning where a flow is added
			}
		}
		if err := c.Bundle(testContext(b), mods); err != nil {
			b.Fatal(err)
		}
	}
}
