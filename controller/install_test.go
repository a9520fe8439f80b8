package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// table is a switch that refuses some flows: when it is told of them, or one at
// a time when a bundle is committed, as a full table is found out.
type table struct {
	flows    map[openflow.FlowKey]openflow.Flow
	refuses  func(openflow.Flow) bool
	atCommit bool
	bundles  int
}

func (s *table) Bundle(_ context.Context, mods []wire.FlowMod) error {
	s.bundles++
	var refused []ofconn.Refusal
	for i, m := range mods {
		if m.Command == wire.FlowAdd && s.refuses(m.Flow) && (len(refused) == 0 || !s.atCommit) {
			refused = append(refused, ofconn.Refusal{Index: i, Mod: m, Err: errors.New("table full")})
		}
	}
	if refused != nil {
		return &ofconn.BundleError{Refused: refused}
	}
	for _, m := range mods {
		if m.Command == wire.FlowAdd {
			s.flows[m.Flow.Key()] = m.Flow
		} else {
			delete(s.flows, m.Flow.Key())
		}
	}
	return nil
}

// numbered is a flow with a number in its match, and another in its actions.
func numberedFlow(n, version int) openflow.Flow {
	return openflow.Flow{
		Table: 1, Priority: 1, Match: openflow.MustMatch(openflow.InPort.Is(uint64(n))),
		Actions: openflow.MustActions(openflow.Output{Port: uint32(version)}),
	}
}

func TestInstallerLeavesRefusedFlowsOut(t *testing.T) {
	t.Parallel()
	for _, atCommit := range []bool{false, true} {
		for _, bad := range []int{0, 1, 3, 40} {
			t.Run(fmt.Sprintf("%d refused, at commit %v", bad, atCommit), func(t *testing.T) {
				t.Parallel()
				const count = 100
				refusing := true
				s := &table{flows: map[openflow.FlowKey]openflow.Flow{}, atCommit: atCommit}
				s.refuses = func(f openflow.Flow) bool {
					port, _, _ := f.Match.Uint64(openflow.InPort)
					return refusing && int(port)%(count/max(bad, 1)) == 1 && bad > 0
				}
				var want, all, old []openflow.Flow
				for n := 1; n <= count; n++ {
					f := numberedFlow(n, 2)
					if all = append(all, f); !s.refuses(f) {
						want = append(want, f)
					}
					// What was there before gives way, refused or not.
					old = append(old, numberedFlow(n, 1))
					s.flows[f.Key()] = old[n-1]
				}
				var i installer
				if err := i.apply(t.Context(), s, ofrules.Diff(old, all)); err != nil {
					t.Fatal(err)
				}
				check(t, s, want)
				refused := len(all) - len(want)
				if len(i.refused) != refused || len(i.refusals()) != min(refused, refusalsShown+1) {
					t.Errorf("%d flows are noted as refused: %v", len(i.refused), i.refusals())
				}
				if s.bundles > 3+4*refused+wholeRounds {
					t.Errorf("%d bundles", s.bundles)
				}
				desired := map[openflow.FlowKey]openflow.Flow{}
				for _, f := range all {
					desired[f.Key()] = f
				}
				flow := func(k openflow.FlowKey) (openflow.Flow, bool) { f, ok := desired[k]; return f, ok }

				t.Log("one that is not wanted any more is forgotten")
				if refused > 0 {
					gone := all[0] // in port 1 is always refused
					delete(desired, gone.Key())
					if err := i.apply(t.Context(), s, ofrules.Delta{Delete: []openflow.Flow{gone}}); err != nil || len(i.refused) != refused-1 {
						t.Errorf("%v, %d flows are noted as refused", err, len(i.refused))
					}
					all = all[1:]
				}
				t.Log("the others are taken in the end")
				refusing = false
				if err := i.apply(t.Context(), s, i.someRefused(flow)); err != nil || len(i.refused) != 0 {
					t.Errorf("%v, %d flows are noted as refused", err, len(i.refused))
				}
				check(t, s, all)
			})
		}
	}
}

func check(t *testing.T, s *table, want []openflow.Flow) {
	t.Helper()
	flows := map[openflow.FlowKey]openflow.Flow{}
	for _, f := range want {
		flows[f.Key()] = f
	}
	if diff := cmp.Diff(flows, s.flows, cmp.Comparer(func(a, b openflow.Flow) bool { return a == b })); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

// failing is a switch that takes nothing.
type failing struct{ err error }

func (f failing) Bundle(context.Context, []wire.FlowMod) error { return f.err }

func TestInstallerFailsWhereNobodyIsToBlame(t *testing.T) {
	t.Parallel()
	d := ofrules.Delta{Put: []openflow.Flow{numberedFlow(1, 1), numberedFlow(2, 1)}}
	for _, cause := range []error{ofconn.ErrOutcomeUnknown, ofconn.ErrClosed, &ofconn.BundleError{Err: errors.New("no")}} {
		var i installer
		if err := i.apply(t.Context(), failing{cause}, d); !errors.Is(err, cause) || len(i.refused) != 0 {
			t.Errorf("%v: %v", cause, err)
		}
	}
}
