package desk

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// Hits add up over flows of one rule, and over flows that are put in place anew.
func TestHitsAddUp(t *testing.T) {
	t.Parallel()
	kind, _ := ofrules.KindRule.Cookie()
	flow := func(table uint8, rule uint64, packets uint64, age, idle time.Duration) wire.FlowStats {
		return wire.FlowStats{Flow: openflow.Flow{Table: table, Cookie: kind | rule}, Packets: packets, Bytes: 10 * packets, Duration: age, Idle: idle}
	}
	name := func(of ofrules.Cookie) *inquiry.Rule {
		switch {
		case of.Kind == ofrules.KindUnrestricted:
			return &inquiry.Rule{Account: "bank"} // of no rule
		case of.ID == 99:
			return nil // it is no more
		}
		return &inquiry.Rule{Account: "acme", Group: "web", ID: string(rune('a' + of.ID))}
	}
	open, _ := ofrules.KindUnrestricted.Cookie()
	egress := wire.FlowStats{Flow: openflow.Flow{Table: 25, Cookie: open | 3}, Packets: 4, Duration: time.Minute}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := newHits(at.Add(-time.Hour))
	h.add(at, []wire.FlowStats{flow(40, 1, 5, time.Minute, 2*time.Second), flow(90, 1, 1, time.Minute, time.Second), flow(91, 2, 0, time.Minute, 0), flow(92, 99, 7, time.Minute, 0), egress}, name)
	h.add(at.Add(10*time.Second), []wire.FlowStats{flow(40, 1, 7, 70*time.Second, 3*time.Second), flow(90, 1, 1, 70*time.Second, 11*time.Second)}, name)
	h.add(at.Add(20*time.Second), []wire.FlowStats{flow(40, 1, 9, 5*time.Second, time.Second), flow(90, 1, 0, time.Second, 0), flow(91, 2, 1, time.Minute, 0)}, name)
	got := h.ofGroup("acme", "web").Rules
	want := []inquiry.RuleHits{
		{Rule: "b", Packets: 5 + 1 + 2 + 9, Bytes: 170, Last: at.Add(19 * time.Second)},
		{Rule: "c", Packets: 1, Bytes: 10, Last: at.Add(20 * time.Second)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if other := h.ofGroup("bank", "web").Rules; len(other) != 0 {
		t.Errorf("another account's: %v", other)
	}
	begun, since := h.connectionsBegun(func(string) bool { return true })
	if diff := cmp.Diff(map[string]uint64{"acme": 18, "bank": 4}, begun); diff != "" || since.IsZero() {
		t.Errorf("what began, since %v, -want +got:\n%s", since, diff)
	}
	if begun, _ = h.connectionsBegun(func(account string) bool { return account == "bank" }); len(begun) != 1 || begun["bank"] != 4 {
		t.Errorf("of an account that is gone: %v", begun)
	}
}

// What flows counted before the controller began is not taken for new: they outlive
// it. What is installed later counts from its first packet.
func TestCountersOfAFormerRun(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := readings{since: at}
	flow := func(table uint8, packets uint64, age time.Duration) wire.FlowStats {
		return wire.FlowStats{Flow: openflow.Flow{Table: table}, Packets: packets, Duration: age}
	}
	for _, step := range []struct {
		after time.Duration
		stats []wire.FlowStats
		want  map[uint8]uint64
	}{
		{10 * time.Second, []wire.FlowStats{flow(40, 1000, time.Hour), flow(90, 3, time.Second)}, map[uint8]uint64{90: 3}},
		{20 * time.Second, []wire.FlowStats{flow(40, 1004, time.Hour), flow(90, 3, 11*time.Second)}, map[uint8]uint64{40: 4}},
		{30 * time.Second, []wire.FlowStats{flow(40, 7, time.Second), flow(90, 4, 21*time.Second)}, map[uint8]uint64{40: 7, 90: 1}},
	} {
		got := map[uint8]uint64{}
		r.next(at.Add(step.after), step.stats, func(s wire.FlowStats, packets, _ uint64) { got[s.Table] = packets })
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("after %v: -want +got:\n%s", step.after, diff)
		}
	}
}

// The hits of rules that are gone are forgotten, but not those of one that comes
// back soon.
func TestHitsOfRulesThatAreGone(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	h := newHits(now.Add(-time.Hour))
	kind, _ := ofrules.KindRule.Cookie()
	var stats []wire.FlowStats
	for n := range uint64(1000) {
		stats = append(stats, wire.FlowStats{Flow: openflow.Flow{Table: 40, Cookie: kind | n, Priority: uint16(n)}, Packets: 1, Duration: time.Minute})
	}
	h.add(now, stats, func(of ofrules.Cookie) *inquiry.Rule {
		return &inquiry.Rule{Account: "acme", Group: "web", ID: fmt.Sprint(of.ID)}
	})
	left := map[string]bool{"7": true}
	there := func(r inquiry.Rule) bool { return left[r.ID] }
	h.forgetUnused(now, there)
	h.forgetUnused(now.Add(hitsRetention-time.Second), there)
	if len(h.rules) != 1000 {
		t.Errorf("the hits of %d rules are left too early", len(h.rules))
	}
	left["8"] = true // again
	h.forgetUnused(now.Add(hitsRetention), there)
	if got := h.ofGroup("acme", "web").Rules; len(got) != 2 || len(h.unusedSince) != 0 {
		t.Errorf("%d rules, %d of them gone", len(got), len(h.unusedSince))
	}
}
