package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/store/bare"
)

// writes measures rules that are written, by one caller and by many, and etcd alone.
func (b *bench) writes(ctx context.Context) error {
	etcd, err := b.openBare(ctx)
	if err != nil {
		return err
	}
	defer etcd.Close()
	keys, bytes := etcd.Like()
	if err := b.lines.Figure("etcd_transaction", float64(bytes), "bytes", lines.Members{"keys": keys}); err != nil {
		return err
	}
	for _, callers := range slices.Compact([]int{1, b.callers}) {
		var is, bound turns
		for range b.rounds {
			err := is.take(b.stack.API(), func() (took, error) { return b.put(ctx, callers) })
			if err != nil {
				return err
			}
			err = bound.take(b.stack.Etcd(), func() (took, error) {
				return load(ctx, callers, b.phase, func(c int) (func() error, func(), error) {
					return func() error { return etcd.Commit(ctx, c) }, func() {}, nil
				})
			})
			if err != nil {
				return err
			}
		}
		if err := b.report("write_rule", callers, is, bound, false); err != nil {
			return err
		}
	}
	return nil
}

// put has callers write rules of groups at random for one turn.
func (b *bench) put(ctx context.Context, callers int) (took, error) {
	return load(ctx, callers, b.phase, func(int) (func() error, func(), error) {
		c, err := dial(ctx, strings.TrimPrefix(b.stack.URL, "http://"))
		if err != nil {
			return nil, nil, err
		}
		return func() error {
			path := fmt.Sprintf("%s/security-groups/g%d/rules/x", accountPath, rand.IntN(b.size.Groups))
			return c.do(request("PUT", path, b.stack.Token, fmt.Sprintf(`{"direction":"ingress","protocol":"tcp","port_min":%d}`, 1+rand.IntN(65535))))
		}, c.close, nil
	})
}

// openBare connects to etcd, to write what the API writes of a rule.
func (b *bench) openBare(ctx context.Context) (*bare.Writer, error) {
	port := 1
	change, err := b.stack.Client.PutRule(ctx, workload.Account, workload.GroupID(0), "x", client.RuleSpec{Direction: "ingress", Protocol: "tcp", PortMin: &port})
	if err != nil {
		return nil, err
	}
	return bare.Open(ctx, b.stack.EtcdURL(), change.Revision)
}

// report prints what the turns came to, beside their bound: medians of rates, and ratios of each
// round. Where a bound is another server, what a request costs the two in processor time as well:
// that says more on a busy machine.
func (b *bench) report(name string, callers int, is, bound turns, server bool) error {
	name = fmt.Sprintf("%s_%d", name, callers)
	var rates, bounds, ratios []float64
	var requests, bounding int
	var all []time.Duration
	for i := range is.all {
		rates, bounds = append(rates, is.all[i].rate()), append(bounds, bound.all[i].rate())
		ratios = append(ratios, is.all[i].rate()/bound.all[i].rate())
		requests, bounding = requests+len(is.all[i].all), bounding+len(bound.all[i].all)
		all = append(all, is.all[i].all...)
	}
	slices.Sort(all)
	cpu := lines.Members{}
	if server {
		cpu["bound"] = 1e6 * bound.cpu / float64(bounding)
	}
	return errors.Join(
		b.lines.Median(name, rates, "requests/s", lines.Members{"bound": lines.Median(bounds), "ratio": lines.Median(ratios)}),
		b.lines.Figure(name+"_p50", took{all: all}.percentile(50), "ms", nil),
		b.lines.Figure(name+"_p99", took{all: all}.percentile(99), "ms", nil),
		b.lines.Figure(name+"_cpu", 1e6*is.cpu/float64(requests), "µs", cpu))
}
