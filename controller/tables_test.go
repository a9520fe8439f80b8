package controller

import (
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/sharetest"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// Whatever becomes of policy and switch: as long as the tables are known the
// actual flows are the desired ones but for what is pending or refused; and when
// the switch takes everything they are the desired ones.
func TestTablesKnowTheActualFlows(t *testing.T) {
	t.Parallel()
	g := policytest.Seeded(7, policytest.Options{NICs: 6})
	rng := rand.New(rand.NewPCG(7, 7))
	s := secgroup.NewSnapshot()
	s, _ = s.With(1, g.Policy())
	host := ofrules.Host{Ports: map[string]ofrules.Port{}}
	for i, n := range s.NICs() {
		host.Ports[n.ID] = ofrules.Port{OFPort: uint32(i + 1), Zone: uint16(i + 1)}
	}
	refusing := false
	sw := &table{flows: map[openflow.FlowKey]openflow.Flow{}}
	sw.refuses = func(f openflow.Flow) bool { return refusing && f.Table >= ofrules.TableIngressGuard }
	tb := tables{desired: newCompiled()}
	actual := func() (flows []openflow.Flow) {
		for _, f := range sw.flows {
			flows = append(flows, f)
		}
		return flows
	}
	desired := func() map[openflow.FlowKey]openflow.Flow {
		flows := map[openflow.FlowKey]openflow.Flow{}
		for _, f := range tb.desired.compiler.Flows() {
			flows[f.Key()] = f
		}
		return flows
	}
	local := sharetest.New(s, "")
	local.PlugAll(maps.Keys(host.Ports))
	compile := func() {
		share, d := local.Take()
		tb.compile(share, host, d)
	}
	compile()
	refusals := 0
	for step := range 300 {
		switch what := rng.IntN(8); {
		case what < 4:
			_, list := g.Step(s)
			var touched secgroup.Touched
			s, touched = s.With(int64(step+2), list)
			local.Apply(s, touched)
			compile()
		case what == 4:
			refusing = !refusing
		case what == 5: // the bundle does not arrive
			if err := tb.send(t.Context(), failing{errors.New("connection lost")}); err != nil && tb.known {
				t.Fatal("the switch may have taken it, and the tables seem to be known")
			} else if err == nil && !tb.pending.Empty() {
				t.Fatal("a bundle that does not arrive is no error")
			}
		case what == 6: // somebody else deletes a flow, and it is put right
			if all := tb.desired.compiler.Flows(); tb.known && len(tb.install.refused) == 0 && tb.pending.Empty() {
				f := all[rng.IntN(len(all))]
				delete(sw.flows, f.Key())
				tb.repair(ofrules.Diff(nil, []openflow.Flow{f}))
			}
		default:
			tb.forgetActual()
		}
		if rng.IntN(2) == 0 {
			if !tb.known {
				tb.adopt(actual())
			}
			tb.untilRetry(0)
			tb.retryRefused(tb.retryAt)
			if err := tb.send(t.Context(), sw); err != nil {
				t.Fatal(err)
			}
			refusals += len(tb.install.refused)
		}
		if !tb.known {
			continue
		}
		want := desired()
		for _, f := range tb.pending.Put {
			delete(want, f.Key())
		}
		for k := range tb.install.refused {
			if _, ok := want[k]; !ok && tb.pending.Empty() {
				t.Fatalf("step %d: %v is refused, and not desired", step, k)
			}
			delete(want, k)
		}
		have := maps.Clone(sw.flows)
		for _, f := range append(tb.pending.Put, tb.pending.Delete...) {
			delete(have, f.Key())
		}
		if !maps.Equal(want, have) {
			t.Fatalf("step %d: -desired +actual:\n%s", step, cmp.Diff(want, have, cmp.Comparer(func(a, b openflow.Flow) bool { return a == b })))
		}
	}
	refusing = false
	if !tb.known {
		tb.adopt(actual())
	}
	for tries := 0; ; tries++ {
		if err := tb.send(t.Context(), sw); err != nil || tries > 10 {
			t.Fatalf("at last: %v, %d refused", err, len(tb.install.refused))
		}
		if tb.untilRetry(0) == 0 {
			break
		}
		tb.retryRefused(tb.retryAt)
	}
	t.Logf("%d flows were refused on the way", refusals)
	if !maps.Equal(desired(), sw.flows) || len(sw.flows) == 0 || refusals == 0 {
		t.Errorf("at last %d flows, of %d desired; %d were refused on the way", len(sw.flows), len(desired()), refusals)
	}
}
