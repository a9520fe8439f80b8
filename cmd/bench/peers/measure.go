package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ringfence/ringfence/cmd/bench/internal/changes"
	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// trial is a peer that is measured.
type trial struct {
	run
	host   *host.Host
	engine engine
	meter  changes.Meter
}

// measure measures a peer on a host, or gives it up and says so.
func (r run) measure(ctx context.Context, h *host.Host, p peer) (err error) {
	t := &trial{run: r, host: h}
	defer func() {
		if t.engine != nil {
			err = errors.Join(err, t.engine.close())
		}
		if t.meter.Watch != nil {
			t.meter.Watch.Close()
		}
	}()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"the policy", func(within context.Context) error { return t.build(ctx, within, p) }},
		{"rules", t.rules},
		{"members", t.members},
		{"attachments", t.attachments},
		{"a big group", t.bigGroup},
	} {
		within, cancel := context.WithTimeout(ctx, r.patience)
		err := part.do(within)
		late := within.Err() != nil && ctx.Err() == nil
		cancel()
		if late {
			return r.out.Figure("engine_given_up", r.patience.Seconds(), "s", lines.Members{"why": part.name + " took longer"})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// build has the engine fill the empty switch. What it starts may outlive that.
func (t *trial) build(ctx, within context.Context, p peer) (err error) {
	if t.engine, err = p.prepare(within, t.host, t.load); err != nil {
		return err
	}
	if err := t.flows(within, "flows_base"); err != nil {
		return err
	}
	start := time.Now()
	if err := t.engine.start(within); err != nil {
		return err
	}
	if err := t.out.Figure("build_time", time.Since(start).Seconds(), "s", lines.Members{"from": t.engine.begins()}); err != nil {
		return err
	}
	if err := t.flows(within, "flows_total"); err != nil {
		return err
	}
	for name, pid := range t.engine.processes() {
		now, peak, err := usage.Megabytes(pid)
		if err != nil {
			return err
		}
		if err := t.out.Figure("rss_"+name, now, "MB", lines.Members{"peak": peak}); err != nil {
			return err
		}
	}
	watch, err := flowwatch.Start(ctx, t.host.OVS, host.Bridge)
	t.meter = changes.Meter{Lines: t.out, Watch: watch, Within: t.within}
	return err
}

// flows prints how many there are.
func (t *trial) flows(ctx context.Context, figure string) error {
	n, err := t.host.Flows(ctx)
	if err != nil {
		return err
	}
	return t.out.Figure(figure, float64(n), "flows", nil)
}

// rules are of a group of the host, and name the members of another.
func (t *trial) rules(ctx context.Context) error {
	group, remote, _ := t.load.Changed()
	return t.meter.Repeat(ctx, "rule_add", "rule_del", t.reps,
		func(ctx context.Context, i int) error { return t.engine.addRule(ctx, group, ingress(20000+i, remote)) },
		func(ctx context.Context, i int) error {
			return t.engine.removeRule(ctx, group, ingress(20000+i, remote))
		}, nil)
}

// members are of a group that rules of the host name.
func (t *trial) members(ctx context.Context) error {
	_, remote, _ := t.load.Changed()
	return t.membersOf(ctx, remote, "member", nil)
}

func (t *trial) membersOf(ctx context.Context, group, name string, more lines.Members) error {
	return t.meter.Repeat(ctx, name+"_add", name+"_del", t.reps,
		func(ctx context.Context, i int) error { return t.engine.addMember(ctx, group, workload.Spare(i)) },
		func(ctx context.Context, i int) error { return t.engine.removeMember(ctx, group, workload.Spare(i)) }, more)
}

// attachments are of one more group to a port of the host.
func (t *trial) attachments(ctx context.Context) error {
	_, _, other := t.load.Changed()
	port := t.load.Ports[0]
	return t.meter.Repeat(ctx, "attach_add", "attach_del", max(3, t.reps/4),
		func(ctx context.Context, _ int) error { return t.engine.attach(ctx, other, port) },
		func(ctx context.Context, _ int) error { return t.engine.detach(ctx, other, port) }, nil)
}

// bigGroup measures the first and second rule that name a group with many members, one that
// names it and a prefix, if the engine has such, and its changes. The first is made once: when it
// goes, Neutron leaves the members' flows in the bridge, so that another would find them there.
func (t *trial) bigGroup(ctx context.Context) error {
	if t.big == 0 {
		return nil
	}
	group, _, _ := t.load.Changed()
	name, members, more := fmt.Sprintf("big%d", t.big), workload.Big(t.big), lines.Members{"remote": t.big}
	start := time.Now()
	if err := t.engine.addGroup(ctx, name, members); err != nil {
		return err
	}
	if err := t.out.Figure("big_group_create", time.Since(start).Seconds(), "s", more); err != nil {
		return err
	}
	rules := []secgroup.Rule{ingress(30000, name), ingress(30001, name), ingress(30002, name)}
	rules[2].RemoteCIDR = netip.PrefixFrom(members[0].Address, 27).Masked()
	for i, figure := range []string{"big_rule", "big_rule2", "big_rule_and_cidr"} {
		err := t.oneRule(ctx, figure, group, rules[i], more)
		if err != nil && !errors.Is(err, errUnknown) {
			return err
		}
	}
	return t.membersOf(ctx, name, "big_member", more)
}

// errUnknown is of a rule that an engine's policy cannot say.
var errUnknown = errors.New("the engine has no such rule")

// oneRule measures one rule: the time until it is in force, and the flows that it costs.
func (t *trial) oneRule(ctx context.Context, figure, group string, r secgroup.Rule, more lines.Members) error {
	return t.meter.Once(ctx, figure, t.host.Flows, func(ctx context.Context, _ int) error { return t.engine.addRule(ctx, group, r) }, more)
}
