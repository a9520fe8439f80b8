package ofconn_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

func TestMonitorSeesForeignChanges(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	c := dialSwitch(t, v)
	first := manyFlows(100)
	if err := c.Bundle(testContext(t), adds(first)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	changes, err := c.Monitor(ctx, ofconn.MonitorOptions{Initial: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Monitor(ctx, ofconn.MonitorOptions{}); !errors.Is(err, ofconn.ErrMonitored) {
		t.Errorf("a second monitor: %v", err)
	}
	var waiting []wire.FlowUpdate
	next := func() wire.FlowUpdate {
		t.Helper()
		for len(waiting) == 0 {
			select {
			case ch, ok := <-changes:
				if !ok || ch.Resync {
					t.Fatalf("open %v, changes are %+v", ok, ch)
				}
				waiting = ch.Updates
			case <-time.After(time.Minute):
				t.Fatal("no update")
			}
		}
		u := waiting[0]
		waiting = waiting[1:]
		return u
	}
	initial := make(map[openflow.Flow]bool)
	for range first {
		if u := next(); u.Event == wire.FlowInitial {
			initial[u.Flow] = true
		}
	}
	for _, f := range first {
		if !initial[f] {
			t.Fatalf("%s is not among the initial flows", f)
		}
	}

	v.Ofctl("add-flow", "br-int", "cookie=0x5,table=6,priority=9,tcp,tp_dst=80 actions=resubmit(,7)")
	want := openflow.Flow{Cookie: 5, Table: 6, Priority: 9,
		Match:   openflow.MustMatch(openflow.EthType.Is(0x800), openflow.IPProto.Is(6), openflow.TCPDst.Is(80)),
		Actions: openflow.MustActions(openflow.Resubmit{Table: 7})}
	if u := next(); u.Event != wire.FlowAdded || u.Flow != want {
		t.Errorf("added: %s %s", u.Event, u.Flow)
	}
	v.Ofctl("mod-flows", "br-int", "table=6,tcp,tp_dst=80 actions=drop")
	want.Actions = openflow.Actions{}
	if u := next(); u.Event != wire.FlowModified || u.Flow != want {
		t.Errorf("modified: %s %s", u.Event, u.Flow)
	}
	v.Ofctl("del-flows", "br-int", "table=6")
	if u := next(); u.Event != wire.FlowRemovedNow || u.Flow.Key() != want.Key() {
		t.Errorf("removed: %s %s", u.Event, u.Flow)
	}
	if err := c.Bundle(testContext(t), adds(manyFlows(50))); err != nil {
		t.Fatal(err)
	}
	if u := next(); u.Event != wire.FlowAbbreviated {
		t.Errorf("own change: %s %s", u.Event, u.Flow)
	}

	cancel()
	for range changes {
	}
	if changes, err = c.Monitor(testContext(t), ofconn.MonitorOptions{}); err != nil {
		t.Fatal(err)
	}
	v.Ofctl("add-flow", "br-int", "table=8 actions=drop")
	if u := next(); u.Event != wire.FlowAdded || u.Flow.Table != 8 {
		t.Errorf("with the second monitor: %s %s", u.Event, u.Flow)
	}
}

// What may have changed the tables is counted: bundles, also while they are under way,
// and what others did, but not what only looks like a change.
func TestChangesAreCounted(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	c := dialSwitch(t, v)
	if _, err := c.Monitor(testContext(t), ofconn.MonitorOptions{}); err != nil {
		t.Fatal(err)
	}
	last, _ := c.Changes()
	if last != 0 {
		t.Errorf("%d at the start", last)
	}
	counted := func(what string, least uint64) {
		t.Helper()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if n, _ := c.Changes(); n >= last+least {
				break
			}
		}
		n, over := c.Changes()
		if n < last+least || least == 0 && n > last || !over {
			t.Errorf("%s: %d, before %d; over %v", what, n, last, over)
		}
		last = n
	}
	for _, mods := range [][]wire.FlowMod{adds(manyFlows(1)), adds(manyFlows(9))} {
		if err := c.Bundle(testContext(t), mods); err != nil {
			t.Fatal(err)
		}
		counted("a bundle", 1)
	}
	v.Ofctl("add-flow", "br-int", "table=8,priority=1 actions=drop")
	counted("another's flow", 1)
	v.Ofctl("add-flow", "br-int", "table=8,hard_timeout=1 actions=drop")
	counted("another's flow and its end, which may come before the first is looked for", 2)
	if err := c.Apply(testContext(t), wire.DeleteFlow(openflow.FlowKey{Table: 9, Priority: 7})); err != nil {
		t.Fatal(err)
	}
	counted("a flow deleted that is not there", 0)
}

// TestSlowMonitorIsToldToResync has the switch pause its updates, or this side
// drop them: both end in Resync.
func TestSlowMonitorIsToldToResync(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	c, other := dialSwitch(t, v), dialSwitch(t, v)
	changes, err := c.Monitor(testContext(t), ofconn.MonitorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // each bundle is far more than the switch keeps for a monitor
		flows := manyFlows(40_000)
		if err := other.Bundle(testContext(t), adds(flows)); err != nil {
			t.Fatal(err)
		}
		if err := other.Bundle(testContext(t), []wire.FlowMod{{Command: wire.FlowDelete, Flow: openflow.Flow{Table: wire.AllTables}}}); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.After(time.Minute)
	for {
		select {
		case ch := <-changes:
			if ch.Resync {
				return
			}
		case <-deadline:
			t.Fatal("no Resync")
		}
	}
}
