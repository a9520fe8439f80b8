package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/bench/internal/changes"
	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/workload"
)

// smallChanges measures one rule, one member, one more group of a port.
func (b *bench) smallChanges(ctx context.Context) error {
	group, remote, other := b.load.Changed()
	if err := b.changes(ctx, "rule_add", "rule_del", b.reps,
		func(ctx context.Context, i int, opts ...client.CallOption) error {
			return b.write.rule(ctx, group, fmt.Sprintf("new%d", i), fmt.Sprintf("ingress tcp %d from %s", 20000+i, remote), opts...)
		},
		func(ctx context.Context, i int, opts ...client.CallOption) error {
			return b.write.api.DeleteRule(ctx, account, group, fmt.Sprintf("new%d", i), opts...)
		}, nil); err != nil {
		return err
	}
	if err := b.limit(ctx, "rule_limit", b.reps, group, "ingress tcp 19999 from "+remote, nil); err != nil {
		return err
	}
	var spares []workload.Endpoint
	for i := range b.reps {
		spares = append(spares, workload.Spare(i))
	}
	if err := b.write.unused(ctx, spares); err != nil {
		return err
	}
	if err := b.changes(ctx, "member_add", "member_del", b.reps, b.attach(spares, remote), b.detach(spares, remote), nil); err != nil {
		return err
	}
	ports := make([]workload.Endpoint, max(3, b.reps))
	for i := range ports {
		ports[i] = b.load.Ports[0]
	}
	return b.changes(ctx, "attach_add", "attach_del", max(3, b.reps/4), b.attach(ports, other), b.detach(ports, other), nil)
}

// attach attaches a group to the i-th NIC.
func (b *bench) attach(nics []workload.Endpoint, group string) change {
	return func(ctx context.Context, i int, opts ...client.CallOption) error {
		return b.write.api.AttachNIC(ctx, account, nics[i].ID, group, opts...)
	}
}

func (b *bench) detach(nics []workload.Endpoint, group string) change {
	return func(ctx context.Context, i int, opts ...client.CallOption) error {
		return b.write.api.DetachNIC(ctx, account, nics[i].ID, group, opts...)
	}
}

// unused writes NICs that are in a group that nobody names.
func (w *writer) unused(ctx context.Context, nics []workload.Endpoint) error {
	if err := w.group(ctx, "unused"); err != nil {
		return err
	}
	if err := w.instance(ctx, "unused", "unused"); err != nil {
		return err
	}
	return each(ctx, nics, func(ctx context.Context, _ int, e workload.Endpoint) error { return w.nic(ctx, e, "unused") })
}

// bigGroups measures the first and second rule that name a group with many
// members, a rule that names it and a prefix, and its changes.
func (b *bench) bigGroups(ctx context.Context, counts []int) error {
	group, _, _ := b.load.Changed()
	for _, n := range counts {
		name, more := fmt.Sprintf("big%d", n), lines.Members{"remote": n}
		members := workload.Big(n)
		start := time.Now()
		if err := b.write.group(ctx, name); err != nil {
			return err
		}
		if err := b.write.instance(ctx, name, name); err != nil {
			return err
		}
		if err := each(ctx, members, func(ctx context.Context, _ int, e workload.Endpoint) error { return b.write.nic(ctx, e, name) }); err != nil {
			return err
		}
		if err := b.lines.Figure("big_group_create", time.Since(start).Seconds(), "s", more); err != nil {
			return err
		}
		cidr := fmt.Sprintf("%s/27", members[0].Address)
		first := "ingress tcp 30000 from " + name
		if err := b.firstRule(ctx, group, first, more); err != nil {
			return err
		}
		for i, r := range []struct{ figure, rule string }{
			{"big_rule", first},
			{"big_rule2", "ingress tcp 30001 from " + name},
			{"big_rule_and_cidr", "ingress tcp 30002 from " + name + " and " + cidr},
		} {
			if err := b.oneRule(ctx, r.figure, group, fmt.Sprintf("%s-%d", name, i), r.rule, more); err != nil {
				return err
			}
		}
		spares := []workload.Endpoint{}
		for i := range b.reps {
			spares = append(spares, workload.Spare(i))
		}
		if err := b.changes(ctx, "big_member_add", "big_member_del", b.reps, b.attach(spares, name), b.detach(spares, name), more); err != nil {
			return err
		}
		for i := range 3 {
			if err := b.write.api.DeleteRule(ctx, account, group, fmt.Sprintf("%s-%d", name, i), client.Wait(longest)); err != nil {
				return err
			}
		}
	}
	return nil
}

// bigReps is how often the first rule that names a big group is made and taken back.
const bigReps = 5

// firstRule measures the first rule that names a big group, and what it cannot be quicker than.
func (b *bench) firstRule(ctx context.Context, group, rule string, more lines.Members) error {
	put := func(ctx context.Context, _ int, opts ...client.CallOption) error {
		return b.write.rule(ctx, group, "first", rule, opts...)
	}
	remove := func(ctx context.Context, _ int, opts ...client.CallOption) error {
		return b.write.api.DeleteRule(ctx, account, group, "first", opts...)
	}
	if err := b.changes(ctx, "big_first_rule_add", "big_first_rule_del", bigReps, put, remove, more); err != nil {
		return err
	}
	return b.limit(ctx, "big_first_limit", bigReps, group, rule, more)
}

// oneRule measures one rule: the time until it is in force and the flows that
// it costs.
func (b *bench) oneRule(ctx context.Context, figure, group, id, rule string, more lines.Members) error {
	return b.meter().Once(ctx, figure, b.host.Flows, func(ctx context.Context, _ int) error {
		return b.write.rule(ctx, group, id, rule, client.Wait(longest))
	}, more)
}

// restart measures a controller that is killed and started again on a switch
// that has its flows, and one that finds the switch empty.
func (b *bench) restart(ctx context.Context) error {
	before, err := b.host.Flows(ctx)
	if err != nil {
		return err
	}
	if err := b.stack.Controller(hostName).Kill(); err != nil {
		return err
	}
	b.watch.AwaitQuiet(ctx, 0, changes.Quiet) // it is told of the changes before later than they are answered
	b.watch.Forget()
	start := time.Now()
	if err := b.stack.RestartController(hostName); err != nil {
		return err
	}
	if err := b.awaitInForce(ctx, start); err != nil {
		return err
	}
	took := time.Since(start)
	time.Sleep(10 * changes.Quiet)
	after, err := b.host.Flows(ctx)
	if err != nil {
		return err
	}
	now, peak, err := usage.Megabytes(b.stack.Controller(hostName).PID())
	if err != nil {
		return err
	}
	return b.lines.Figure("restart_to_synced", took.Seconds(), "s", lines.Members{
		"flows_before": before, "flows_after": after, "flow_events": len(b.watch.Events()), "rss_mb": now, "rss_peak_mb": peak,
	})
}
