package desk

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What was dropped for a link-local source is told for an hour after the last
// packet, over flows that are put in place anew, and not beyond a change of the
// NIC's addresses.
func TestLinkLocalsAreForgotten(t *testing.T) {
	t.Parallel()
	start := time.Unix(100_000, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	type counted = map[linkLocalFlow]linkLocalCount
	guard, nd := linkLocalFlow{10, 10, 1}, linkLocalFlow{12, 10, 1}
	one := map[uint32]linkLocalOwner{1: {"a1", "10.0.0.1"}}
	var told map[string]uint64
	l := linkLocals{report: func(nics map[string]uint64) { told = nics }}
	for _, step := range []struct {
		name string
		at   time.Duration
		now  counted
		own  map[uint32]linkLocalOwner
		want map[string]uint64
	}{
		{"nothing yet", 0, nil, nil, map[string]uint64{}},
		{"two flows of one NIC", time.Minute, counted{guard: {3, at(time.Minute)}, nd: {2, at(time.Second)}}, one, map[string]uint64{"a1": 5}},
		{"one goes on, one is anew", 2 * time.Minute, counted{guard: {4, at(2 * time.Minute)}, nd: {1, at(2 * time.Minute)}}, one, map[string]uint64{"a1": 7}},
		{"an hour but a second", 62*time.Minute - time.Second, counted{guard: {4, at(2 * time.Minute)}, nd: {1, at(2 * time.Minute)}}, one, map[string]uint64{"a1": 7}},
		{"an hour", 62 * time.Minute, counted{guard: {4, at(2 * time.Minute)}, nd: {1, at(2 * time.Minute)}}, one, map[string]uint64{}},
		{"again", 63 * time.Minute, counted{guard: {5, at(63 * time.Minute)}, nd: {1, at(2 * time.Minute)}}, one, map[string]uint64{"a1": 1}},
		{"the addresses change", 64 * time.Minute, counted{guard: {6, at(64 * time.Minute)}}, map[uint32]linkLocalOwner{1: {"a1", "10.0.0.1 fe80::1"}}, map[string]uint64{}},
		{"and were not it", 65 * time.Minute, counted{guard: {8, at(65 * time.Minute)}}, map[uint32]linkLocalOwner{1: {"a1", "10.0.0.1 fe80::1"}}, map[string]uint64{"a1": 2}},
		{"another NIC at its port", 66 * time.Minute, counted{guard: {8, at(65 * time.Minute)}}, map[uint32]linkLocalOwner{1: {"a2", "10.0.0.2"}}, map[string]uint64{}},
		{"which is gone", 67 * time.Minute, counted{guard: {9, at(67 * time.Minute)}}, nil, map[string]uint64{}},
	} {
		l.add(at(step.at), step.now, step.own)
		if diff := cmp.Diff(step.want, told); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.name, diff)
		}
	}
}
