package main

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

const (
	account = workload.Account
	atOnce  = 16 // requests under way while the policy is written
)

// writer writes policy through the API.
type writer struct {
	api   *client.Client
	calls atomic.Int64 // requests made
}

// write writes the whole workload.
func (w *writer) write(ctx context.Context, load workload.Load) error {
	if _, err := w.api.PutAccount(ctx, account, client.AccountSpec{Quotas: map[string]int{}}); err != nil {
		return err
	}
	if _, err := w.api.PutNetwork(ctx, workload.Network, client.NetworkSpec{
		Type: "vpc", VPC: workload.Network, VLAN: workload.VLAN, Prefixes: []string{"10.0.0.0/8", "11.0.0.0/8"},
	}); err != nil {
		return err
	}
	w.calls.Add(2)
	// Groups first, without rules: a rule may name any of them.
	if err := each(ctx, load.Groups, func(ctx context.Context, _ int, g *secgroup.Group) error { return w.group(ctx, g.ID) }); err != nil {
		return err
	}
	if err := each(ctx, load.Groups, func(ctx context.Context, _ int, g *secgroup.Group) error {
		for _, r := range g.Rules {
			if err := w.putRule(ctx, g.ID, r.ID, ruleSpec(r)); err != nil {
				return err
			}
		}
		return w.instance(ctx, g.ID, g.ID)
	}); err != nil {
		return err
	}
	if err := each(ctx, load.Ports, func(ctx context.Context, _ int, p workload.Endpoint) error {
		if err := w.nic(ctx, p, ""); err != nil {
			return err
		}
		for _, g := range p.Groups {
			w.calls.Add(1)
			if err := w.api.AttachNIC(ctx, account, p.ID, workload.GroupID(g)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return w.members(ctx, load.Members)
}

// members writes NICs that are members of their group by their instance.
func (w *writer) members(ctx context.Context, members []workload.Endpoint) error {
	return each(ctx, members, func(ctx context.Context, _ int, m workload.Endpoint) error {
		return w.nic(ctx, m, workload.GroupID(m.Groups[0]))
	})
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
	return w.putRule(ctx, group, id, spec, opts...)
}

func (w *writer) putRule(ctx context.Context, group, id string, spec client.RuleSpec, opts ...client.CallOption) error {
	w.calls.Add(1)
	_, err := w.api.PutRule(ctx, account, group, id, spec, opts...)
	return err
}

// ruleSpec is a rule of the workload as the API takes it.
func ruleSpec(r secgroup.Rule) client.RuleSpec {
	spec := client.RuleSpec{Direction: string(r.Direction), Protocol: string(r.Protocol)}
	if r.PortMin != 0 {
		low, high := int(r.PortMin), int(r.PortMax)
		spec.PortMin, spec.PortMax = &low, &high
	}
	if r.RemoteCIDR.IsValid() {
		cidr := r.RemoteCIDR.String()
		spec.RemoteCIDR = &cidr
	}
	if r.RemoteGroup.ID != "" {
		spec.RemoteGroup = &r.RemoteGroup.ID
	}
	return spec
}

func (w *writer) nic(ctx context.Context, e workload.Endpoint, instance string) error {
	w.calls.Add(1)
	_, err := w.api.PutNIC(ctx, e.ID, client.NICSpec{
		Account: account, Instance: instance, Network: workload.Network, MAC: e.MAC.String(), Addresses: []string{e.Address.String()},
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
