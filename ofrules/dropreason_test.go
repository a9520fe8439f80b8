package ofrules

import (
	"testing"

	of "github.com/ringfence/ringfence/openflow"
)

// TestTracesSayWhatDropsSay: of a packet that ends at one place a trace and a drop say
// the same reason. A drop's is that of the flow of a watch that stands there.
func TestTracesSayWhatDropsSay(t *testing.T) {
	t.Parallel()
	type address struct {
		table    uint8
		priority uint16
	}
	drops := map[address]CookieKind{} // where the pipeline's own flows drop
	for _, p := range pipelineParts() {
		if c, ok := ParseCookie(p.cookie); ok && p.acts.IsDrop() {
			drops[address{p.key.Table, p.key.Priority}] = c.Kind
		}
	}
	for _, table := range linkLocalTables() {
		drops[address{table, prioLinkLocal}] = KindLinkLocal
	}
	seen := map[DropReason]bool{}
	for _, f := range (Watch{ID: 1, OFPort: 7, Meter: 1}).Flows() {
		var told Report
		for _, a := range f.Actions.List() {
			if c, ok := a.(of.Controller); ok {
				told, _ = ParseReport(c.UserData)
			}
		}
		at := address{f.Table, f.Priority - watchAbove}
		switch {
		case told.Drop == 0:
			continue
		case told.Drop == DropVLANTag, at == address{TableEgressGuard, prioNothing}:
			continue // of tagged frames, and of what is neither IP nor ARP, there are no traces
		}
		kind, matched := drops[at]
		if why, _ := DroppedAt(at.table, at.priority, kind, !matched); why != told.Drop {
			t.Errorf("table %d, priority %d, matched %t: a drop says %s, a trace %s", at.table, at.priority, matched, told.Drop, why)
		}
		seen[told.Drop] = true
	}
	for _, why := range []DropReason{DropSpoofed, DropGuard, DropInvalid, DropFragment, DropNoRule, DropUndelivered, DropNotReady} {
		if !seen[why] {
			t.Errorf("no drop says %s: looking at the wrong flows", why)
		}
	}
}
