// Command bench measures Ringfence on one host with a real etcd-server, API,
// controller and ovs-vswitchd, and prints its figures as JSON lines. It needs
// root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/workload"
)

func main() {
	sizeName := flag.String("size", "M", "XS, S, M, L or 2L")
	binary := flag.String("ringfence", "bin/ringfence", "the program to measure")
	reps := flag.Int("reps", 20, "how often to make each change")
	big := flag.String("big", "1000,10000", "sizes of the big remote groups")
	relays := flag.Int("relays", 0, "how many relays the host may go through; 0: it follows etcd itself")
	share := flag.Bool("share", false, "measure instead a host behind a relay, with a big policy that concerns others")
	var c crowd
	flag.IntVar(&c.megaflows, "megaflows", 0, "how many megaflows are cached while rules are measured once more; 0: they are not")
	flag.IntVar(&c.connections, "connections", 0, "how many connections are tracked meanwhile")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *share {
		err = runShare(ctx, *binary)
	} else {
		err = run(ctx, *sizeName, *binary, *relays, *reps, *big, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is a measurement under way.
type bench struct {
	lines *lines.Writer
	size  workload.Size
	load  workload.Load
	reps  int
	host  *host.Host
	stack *stack.Stack
	write *writer
	watch *flowwatch.Watch
}

func run(ctx context.Context, sizeName, binary string, relays, reps int, big string, c crowd) (err error) {
	s, ok := workload.SizeOf(sizeName)
	if !ok {
		return fmt.Errorf("size %q is not one of XS, S, M, L, 2L", sizeName)
	}
	var bigs []int
	for text := range strings.SplitSeq(big, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("size of a big group %q is not a positive number", text)
		}
		bigs = append(bigs, n)
	}
	b := &bench{size: s, load: workload.Make(s), reps: reps}
	if b.lines, err = begin(ctx, sizeName); err != nil {
		return err
	}
	if b.host, err = host.Start(ctx, limitBridge); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.host.Close()) }()
	if b.stack, err = startStack(ctx, binary, relays); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stack.Close()) }()
	b.write = &writer{api: b.stack.Client}
	if err := b.build(ctx); err != nil {
		return errors.Join(err, errors.New(b.stack.Logs()))
	}
	if b.watch, err = flowwatch.Start(ctx, b.host.OVS, host.Bridge); err != nil {
		return err
	}
	defer b.watch.Close()
	for _, part := range []func(context.Context) error{
		b.traces,
		b.smallChanges,
		func(ctx context.Context) error { return b.busy(ctx, c) },
		func(ctx context.Context) error { return b.bigGroups(ctx, bigs) },
		b.restart,
	} {
		if err := part(ctx); err != nil {
			return errors.Join(err, errors.New(b.stack.Logs()))
		}
	}
	return nil
}

// begin prints what run it is, of a size.
func begin(ctx context.Context, size string) (*lines.Writer, error) {
	return lines.Begin(ctx, os.Stdout, lines.Command("cmd/bench"), lines.Members{"bench": "ringfence", "size": size})
}

func runShare(ctx context.Context, binary string) (err error) {
	b := &bench{size: bigStore, load: workload.Make(bigStore)}
	if b.lines, err = begin(ctx, "share"); err != nil {
		return err
	}
	if b.host, err = host.Start(ctx, limitBridge); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.host.Close()) }()
	if b.stack, err = startStack(ctx, binary, 1); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stack.Close()) }()
	if err := b.share(ctx); err != nil {
		return errors.Join(err, errors.New(b.stack.Logs()))
	}
	return nil
}

// startStack starts all but the controller, which is measured from its start.
func startStack(ctx context.Context, binary string, relays int) (*stack.Stack, error) {
	s, err := stack.StartAPI(ctx, binary)
	if err != nil {
		return nil, err
	}
	if err := s.StartRelays(relays, hostName); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
