// Command api measures Ringfence's HTTP API: a real etcd, the program's API in a process of its
// own, and a big policy. What is read and written is compared, by turns in the same minutes, with
// what bounds it on this machine: reads with a net/http server that writes the same bytes and does
// nothing else, writes with transactions of the same size in etcd, without an API. It prints a
// JSON line a figure, with the bound's value beside it.
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

	"github.com/ringfence/ringfence/cmd/bench/internal/direct"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/workload"
)

func main() {
	binary := flag.String("ringfence", "bin/ringfence", "the program to measure")
	rounds := flag.Int("rounds", 5, "how often the API and its bound have their turn at each kind of request")
	phase := flag.Duration("phase", 2*time.Second, "how long a turn takes")
	callers := flag.Int("callers", 16, "callers at once")
	var size workload.Size
	flag.IntVar(&size.Groups, "groups", 10_000, "groups of the policy, ten rules each")
	flag.IntVar(&size.Members, "nics", 50_000, "NICs of the policy")
	serve := flag.String("serve", "", "be the bound of reads: serve the files that follow at this address")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *serve != "" {
		exit(serveBare(*serve, flag.Args()))
	}
	if *rounds < 1 || *phase <= 0 || *callers < 1 || size.Groups < 1 || size.Members < 100 {
		fmt.Fprintln(os.Stderr, "bench: -rounds, -callers and -groups: at least 1; -nics: at least 100; -phase: more than 0")
		os.Exit(2)
	}
	size.Rules = 10 * size.Groups
	exit(run(ctx, *binary, bench{size: size, rounds: *rounds, phase: *phase, callers: *callers}))
}

func exit(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is a measurement under way.
type bench struct {
	size    workload.Size
	rounds  int
	phase   time.Duration
	callers int
	stack   *stack.Stack
	lines   *lines.Writer
}

func run(ctx context.Context, binary string, b bench) (err error) {
	if b.lines, err = lines.Begin(ctx, os.Stdout, lines.Command("cmd/bench/api"), lines.Members{"bench": "api"}); err != nil {
		return err
	}
	if b.stack, err = stack.StartAPI(ctx, binary); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stack.Close()) }()
	if err := b.populate(ctx); err != nil {
		return err
	}
	last := fmt.Sprintf("m%d", b.size.Members-1)
	for _, err = b.stack.Client.NIC(ctx, workload.Account, last); err != nil; _, err = b.stack.Client.NIC(ctx, workload.Account, last) {
		select { // the API follows the store
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := b.reads(ctx); err != nil {
		return errors.Join(err, errors.New(b.stack.Logs()))
	}
	if err := b.writes(ctx); err != nil {
		return errors.Join(err, errors.New(b.stack.Logs()))
	}
	return nil
}

// populate writes the policy, past the API.
func (b *bench) populate(ctx context.Context) error {
	s, err := direct.Open(ctx, b.stack.EtcdURL())
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Fill(ctx, workload.Make(b.size).Changes(), 1000)
}
