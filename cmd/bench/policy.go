package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/stack"
)

const (
	account = "bench"
	network = "bench"
	atOnce  = 16 // requests under way while the policy is written
)

// writer writes policy through the API.
type writer struct {
	api   *client.Client
	calls atomic.Int64 // requests made
}

// write writes the whole workload.
func (w *writer) write(ctx context.Context, load workload) error {
	if _, err := w.api.PutAccount(ctx, account, client.AccountSpec{Quotas: map[string]int{}}); err != nil {
		return err
	}
	if _, err := w.api.PutNetwork(ctx, network, client.NetworkSpec{
		Type: "vpc", VPC: "bench", VLAN: 7, Prefixes: []string{"10.0.0.0/8", "11.0.0.0/8"},
	}); err != nil {
		return err
	}
	w.calls.Add(2)
	// Groups first, without rules: a rule may name any of them.
	if err := each(ctx, load.groups, func(ctx context.Context, g int, _ []string) error { return w.group(ctx, groupID(g)) }); err != nil {
		return err
	}
	if err := each(ctx, load.groups, func(ctx context.Context, g int, rules []string) error {
		for i, rule := range rules {
			if err := w.rule(ctx, groupID(g), fmt.Sprintf("r%d", i), rule); err != nil {
				return err
			}
		}
		return w.instance(ctx, groupID(g), groupID(g))
	}); err != nil {
		return err
	}
	if err := each(ctx, load.ports, func(ctx context.Context, _ int, p endpoint) error {
		if err := w.nic(ctx, p, ""); err != nil {
			return err
		}
		for _, g := range p.groups {
			w.calls.Add(1)
			if err := w.api.AttachNIC(ctx, account, p.id, groupID(g)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return w.members(ctx, load.members)
}

// members writes NICs that are members of their group by their instance.
func (w *writer) members(ctx context.Context, members []endpoint) error {
	return each(ctx, members, func(ctx context.Context, _ int, m endpoint) error { return w.nic(ctx, m, groupID(m.groups[0])) })
}

// group makes a group without rules.
func (w *writer) group(ctx context.Context, id string) error {
	none := false
	w.calls.Add(1)
	_, err := w.api.PutGroup(ctx, account, id, client.GroupSpec{Name: id, DefaultRules: &none})
	return err
}

// instance makes an instance that is in a group, with all its NICs.
func (w *writer) instance(ctx context.Context, id, group string) error {
	w.calls.Add(2)
	if _, err := w.api.PutInstance(ctx, account, id, client.InstanceSpec{Name: id}); err != nil {
		return err
	}
	return w.api.AttachInstance(ctx, account, id, group)
}

func (w *writer) rule(ctx context.Context, group, id, text string, opts ...client.CallOption) error {
	spec, err := stack.ParseRule(text)
	if err != nil {
		return err
	}
	w.calls.Add(1)
	_, err = w.api.PutRule(ctx, account, group, id, spec, opts...)
	return err
}

func (w *writer) nic(ctx context.Context, e endpoint, instance string) error {
	w.calls.Add(1)
	_, err := w.api.PutNIC(ctx, e.id, client.NICSpec{
		Account: account, Instance: instance, Network: network, MAC: e.mac, Addresses: []string{e.address.String()},
	})
	return err
}

// each calls fn for all items, several at once, until one fails.
func each[T any](ctx context.Context, items []T, fn func(context.Context, int, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, item := range items {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return fn(ctx, i, item) })
	}
	return g.Wait()
}
