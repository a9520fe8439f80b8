package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
)

// counters are what the switch has done since counting began.
type counters struct {
	cpu       float64 // seconds
	packets   float64 // that came to a port
	upcalls   float64
	passes    float64 // of a packet: one, and one each time that it comes back
	subtables float64 // that a look-up has tried; of the userspace datapath, one that found a megaflow there
}

// counting tells what was done since it began.
type counting func(context.Context) (counters, error)

// count forgets all megaflows and begins to count.
func (s *site) count(ctx context.Context) (counting, error) {
	if _, err := s.ovs.Appctl(ctx, "revalidator/purge"); err != nil {
		return nil, err
	}
	cpu, err := usage.CPU(s.ovs.VswitchdPID())
	if err != nil {
		return nil, err
	}
	datapath := s.countUserspace
	if s.kernel {
		datapath = s.countKernel
	}
	since, err := datapath(ctx)
	return func(ctx context.Context) (counters, error) {
		now, err := usage.CPU(s.ovs.VswitchdPID())
		if err != nil {
			return counters{}, err
		}
		c, err := since(ctx)
		c.cpu = now - cpu
		return c, err
	}, err
}

// countUserspace counts what dpif-netdev/pmd-stats-show tells (ovs-vswitchd(8)).
func (s *site) countUserspace(ctx context.Context) (counting, error) {
	_, err := s.ovs.Appctl(ctx, "dpif-netdev/pmd-stats-clear")
	return func(ctx context.Context) (counters, error) {
		text, err := s.ovs.Appctl(ctx, "dpif-netdev/pmd-stats-show")
		if err != nil {
			return counters{}, err
		}
		told := map[string]float64{}
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if n, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
				told[name] += n // there is one thread, unless there are PMD threads
			}
		}
		if _, ok := told["packets received"]; !ok {
			return counters{}, fmt.Errorf("no packets in %q", text)
		}
		return counters{
			packets: told["packets received"], upcalls: told["miss with success upcall"],
			passes: told["avg. datapath passes per packet"], subtables: told["avg. subtable lookups per megaflow hit"],
		}, nil
	}, err
}

// megaflows counts those of the datapath.
func (s *site) megaflows(ctx context.Context) (float64, error) {
	text, err := s.ovs.Appctl(ctx, "dpctl/dump-flows")
	return float64(strings.Count(text, "recirc_id(")), err
}
