// Command peers measures other engines with the policies that cmd/bench measures Ringfence with,
// by the same figures: OVN, and the Open vSwitch firewall of Neutron's agent. Each has a switch of
// its own (userspace datapath, ports that carry no packets), and is given what it does best. One
// that is not installed is left out, and a line says so. It needs root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/workload"
)

// run is what is asked for.
type run struct {
	size     string
	load     workload.Load
	params   workload.Size
	reps     int
	big      int           // members of the big group; 0: there is none
	within   time.Duration // no change of a kind is made again when they have taken so long
	patience time.Duration // what takes longer is given up
	out      *lines.Writer
}

// peer is an engine that may be installed.
type peer struct {
	name    string
	largest string // size that it is to be run with
	// version is that of the engine, or an error that says why it cannot be run.
	version func(context.Context) (string, error)
	prepare func(context.Context, *host.Host, workload.Load) (engine, error)
}

func main() {
	var r run
	ovn := peer{name: "ovn", version: ovnVersion, prepare: prepareOVN}
	neutron := peer{name: "neutron", version: neutronVersion, prepare: prepareNeutron}
	flag.StringVar(&r.size, "size", "M", "XS, S, M, L or 2L")
	flag.IntVar(&r.reps, "reps", 20, "how often to make each change")
	flag.IntVar(&r.big, "big", 10000, "members of the big remote group; 0: there is none")
	flag.StringVar(&ovn.largest, "ovn", "L", "the largest size that OVN is run with, or none")
	flag.StringVar(&neutron.largest, "neutron", "M", "the largest size that Neutron is run with, or none")
	flag.DurationVar(&r.within, "within", 20*time.Second, "make no change of a kind again when they have taken so long")
	flag.DurationVar(&r.patience, "patience", 5*time.Minute, "give an engine up that needs more for the policy, or for the changes of a kind")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := r.all(ctx, ovn, neutron); err != nil {
		fmt.Fprintln(os.Stderr, "bench/peers:", err)
		os.Exit(1)
	}
}

// all measures each of the peers, whatever became of those before.
func (r run) all(ctx context.Context, peers ...peer) (err error) {
	var ok bool
	if r.params, ok = workload.SizeOf(r.size); !ok {
		return fmt.Errorf("size %q is not one of XS, S, M, L, 2L", r.size)
	}
	r.load = workload.Make(r.params)
	out, err := lines.Begin(ctx, os.Stdout, lines.Command("cmd/bench/peers"), lines.Members{"bench": "peers", "size": r.size})
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range peers {
		r.out = out.With(lines.Members{"engine": p.name})
		if err := r.one(ctx, p); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}

// one measures a peer, if it can be had.
func (r run) one(ctx context.Context, p peer) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	version, why, err := p.fit(ctx, r.size)
	if err != nil {
		return err
	}
	if why != "" {
		return r.out.Figure("engine_left_out", 0, "", lines.Members{"why": why})
	}
	if err := r.out.Figure("params", 0, "", lines.Members{
		"version": version, "ports": r.params.Ports, "groups": r.params.Groups, "rules": r.params.Rules, "members": r.params.Members,
	}); err != nil {
		return err
	}
	h, err := host.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.Plug(ctx, r.load.Ports); err != nil {
		return err
	}
	return r.measure(ctx, h, p)
}
