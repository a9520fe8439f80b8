package ofrules_test

import (
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofsim"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// probe puts probes of a packet on its ends, and returns what takes them away.
func (f *fabric) probe(c policytest.Case) (remove func()) {
	var flows []of.Flow
	at := map[of.FlowKey]*ofsim.Sim{}
	for _, n := range []*secgroup.NIC{c.Src, c.Dst} {
		if n == nil {
			continue
		}
		h := f.home[n.ID]
		p := ofrules.Probe{
			ID: 1 << 31, OFPort: h.Ports[n.ID].OFPort, Egress: n == c.Src, Ready: true, Meter: 7, Packet: c.Packet,
		}
		for _, flow := range p.Flows() {
			h.sim.Add(flow)
			flows, at[flow.Key()] = append(flows, flow), h.sim
		}
	}
	return func() {
		for _, flow := range flows {
			at[flow.Key()].Delete(flow.Key())
		}
	}
}

// A probe changes no verdict, and tells where its packet passes each end or is
// dropped: as the semantics say, whatever the policy and the packet, while
// others look for drops too.
func TestProbesTellWhereAPacketEnds(t *testing.T) {
	t.Parallel()
	passed, dropped := 0, 0
	for seed := range uint64(40) {
		g := policytest.Seeded(9000+seed, policytest.Options{Guard: seed%2 == 1})
		s := policytest.Load(g.Policy())
		for _, f := range []*fabric{newFabric(s, 1), newFabric(s, 2)} {
			if seed%3 == 0 {
				f.watch()
			}
			for range 60 {
				c, ok := g.Packet(s)
				if !ok {
					t.Fatal("no packet")
				}
				if c.Src == nil || c.Dst == nil || c.Src == c.Dst || !f.oneSegment(c.Src, c.Dst) {
					continue
				}
				remove := f.probe(c)
				f.compare(t, c)
				egress, ingress, _ := verdict.Decide(s, c.Src, c.Dst, c.Packet)
				var got []bool // passed, at each end
				tr := f.send(t, c.Src, c.Dst.MAC, fields(c.Packet, c.Src))
				for _, r := range tr.reports(t) {
					if r.ID == 1<<31 {
						got = append(got, r.Drop == 0)
					}
				}
				want := []bool{egress.Allow}
				if egress.Allow {
					want = append(want, ingress.Allow)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s\npassed %v, want %v\n%s", describeCase(s, c), got, want, tr.story())
				}
				if want[len(want)-1] {
					passed++
				} else {
					dropped++
				}
				remove()
			}
		}
	}
	if passed < 50 || dropped < 50 {
		t.Errorf("%d passed, %d were dropped: too few", passed, dropped)
	}
}
