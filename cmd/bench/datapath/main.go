// Command datapath measures what packets cost in the switch: the same traffic between two
// VMs of a host through switches (userspace datapath, or the kernel's), one for each engine, by turns. One
// switches without rules (NORMAL), one tracks all at both ends and judges nothing, one has
// Ringfence's flows, and where OVN is installed one has OVN's, for the same groups and rules. It prints a JSON line a figure; ratios are those of
// each round to the switch without rules, so that what else the machine does says little.
// It needs root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ringfence/ringfence/internal/lines"
)

func main() {
	var m measurement
	flag.IntVar(&m.rounds, "rounds", 5, "how often each engine has its turn at each kind of traffic")
	flag.DurationVar(&m.phase, "phase", 3*time.Second, "how long a turn takes")
	flag.BoolVar(&m.policy.listed, "listed", false, "restrict the VMs' egress, too")
	flag.IntVar(&m.policy.members, "members", 1000, "members of each of the three groups that rules name")
	flag.BoolVar(&m.hold, "hold", false, "send Ringfence a stream until it is interrupted, for a profiler")
	flag.BoolVar(&m.changing, "changing", false, "measure instead what a stream through Ringfence's flows notices of rules that come and go, five times a second")
	flag.IntVar(&m.megaflows, "megaflows", 0, "with -changing: how many megaflows are in use besides")
	flag.BoolVar(&m.kernel, "kernel", false, "use the kernel's datapath, and count only: passes, subtables, megaflows")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if m.rounds < 1 || m.policy.members < 1 || m.policy.members > 2000 || m.phase <= 0 || m.megaflows < 0 || m.megaflows > mostTypes {
		fmt.Fprintf(os.Stderr, "bench: -rounds and -members: at least 1, -members: at most 2,000; -phase: more than 0; -megaflows: 0 to %d\n", mostTypes)
		os.Exit(2)
	}
	if err := m.run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measurement is what is asked for.
type measurement struct {
	policy    policy
	rounds    int
	phase     time.Duration
	hold      bool
	changing  bool
	megaflows int
	kernel    bool
}

// engine is who programs a bridge.
type engine struct {
	name    string
	program func(*site, context.Context, policy) error
}

const (
	none      = "none"
	tracked   = "tracked"
	ringfence = "ringfence"
	ovn       = "ovn"
)

func (m measurement) run(ctx context.Context) (err error) {
	every := lines.Members{"bench": "datapath", "listed": m.policy.listed, "members": m.policy.members}
	out, err := lines.Begin(ctx, os.Stdout, lines.Command("cmd/bench/datapath"), every)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/tmp", "rfdp") // short, for the sockets' paths
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	engines := []engine{{none, (*site).normal}, {tracked, (*site).tracked}, {ringfence, (*site).ringfence}}
	if m.hold || m.changing {
		engines = engines[2:]
	} else if _, err := exec.LookPath("ovn-controller"); err == nil {
		engines = append(engines, engine{ovn, (*site).ovn})
	} else {
		fmt.Fprintln(os.Stderr, "bench: ovn-controller is not installed: OVN is left out")
	}
	var sites []*site
	for _, e := range engines {
		s := &site{name: e.name, dir: filepath.Join(dir, e.name), kernel: m.kernel}
		defer func() { err = errors.Join(err, s.close()) }()
		if err := s.start(ctx); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		if err := e.program(s, ctx, m.policy); err != nil {
			if e.name == ovn && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "bench: OVN does not come up, and is left out:", err)
				continue
			}
			return fmt.Errorf("%s: %w", e.name, err)
		}
		sites = append(sites, s)
	}
	switch {
	case m.hold:
		_, err := sites[0].stream(ctx, time.Hour)
		return err
	case m.changing:
		return sites[0].changing(ctx, m, out)
	default:
		return m.measure(ctx, sites, out)
	}
}
