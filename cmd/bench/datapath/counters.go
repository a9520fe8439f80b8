package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
)

// counters are what the switch has done since they were cleared.
type counters struct {
	cpu float64 // seconds, since it began
	// Of the datapath, by the names that dpif-netdev/pmd-stats-show has for them.
	datapath map[string]float64
}

// clear forgets all megaflows, and what was counted.
func (s *site) clear(ctx context.Context) (counters, error) {
	for _, command := range []string{"revalidator/purge", "dpif-netdev/pmd-stats-clear"} {
		if _, err := s.ovs.Appctl(ctx, command); err != nil {
			return counters{}, err
		}
	}
	cpu, err := usage.CPU(s.ovs.VswitchdPID())
	return counters{cpu: cpu}, err
}

// since returns what was done since then.
func (s *site) since(ctx context.Context, then counters) (counters, error) {
	cpu, err := usage.CPU(s.ovs.VswitchdPID())
	if err != nil {
		return counters{}, err
	}
	text, err := s.ovs.Appctl(ctx, "dpif-netdev/pmd-stats-show")
	if err != nil {
		return counters{}, err
	}
	now := counters{cpu: cpu - then.cpu, datapath: map[string]float64{}}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if n, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
			now.datapath[name] += n // there is one thread, unless there are PMD threads
		}
	}
	if _, ok := now.datapath["packets received"]; !ok {
		return counters{}, fmt.Errorf("no packets in %q", text)
	}
	return now, nil
}

func (c counters) packets() float64 { return c.datapath["packets received"] }
func (c counters) upcalls() float64 { return c.datapath["miss with success upcall"] }

// megaflows counts those of the datapath.
func (s *site) megaflows(ctx context.Context) (float64, error) {
	text, err := s.ovs.Appctl(ctx, "dpctl/dump-flows")
	return float64(strings.Count(text, "recirc_id(")), err
}
