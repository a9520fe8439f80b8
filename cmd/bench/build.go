package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/stack"
)

// hostName is the measured host.
const hostName = "bench"

// build writes the workload while there is no controller, and then measures
// how long one takes to fill the empty switch.
func (b *bench) build(ctx context.Context) error {
	if err := b.lines.Figure("params", 0, "", lines.Members{
		"ports": b.size.Ports, "groups": b.size.Groups, "rules": b.size.Rules, "members": b.size.Members,
	}); err != nil {
		return err
	}
	if err := b.host.Plug(ctx, b.load.Ports); err != nil {
		return err
	}
	start := time.Now()
	if err := b.write.write(ctx, b.load); err != nil {
		return err
	}
	took := time.Since(start)
	if err := b.lines.Figure("policy_written", took.Seconds(), "s", lines.Members{
		"requests": b.write.calls.Load(), "per_s": int(float64(b.write.calls.Load()) / took.Seconds()),
	}); err != nil {
		return err
	}
	base, err := b.host.Flows(ctx)
	if err != nil {
		return err
	}
	if err := b.lines.Figure("flows_base", float64(base), "flows", nil); err != nil {
		return err
	}
	start = time.Now()
	if err := b.stack.StartController(stack.Host{Name: hostName, OVSDB: b.host.OVS.DBAddr(), Bridge: host.Bridge}); err != nil {
		return err
	}
	if err := b.awaitInForce(ctx, start); err != nil {
		return err
	}
	if err := b.lines.Figure("build_time", time.Since(start).Seconds(), "s", lines.Members{"from": "the controller's start"}); err != nil {
		return err
	}
	total, err := b.host.Flows(ctx)
	if err != nil {
		return err
	}
	if err := b.lines.Figure("flows_total", float64(total), "flows", nil); err != nil {
		return err
	}
	return b.sizes()
}

// awaitInForce waits until a controller of the host that was started later than a time
// says that the latest revision is in force for every port.
func (b *bench) awaitInForce(ctx context.Context, since time.Time) error {
	deadline := time.Now().Add(5 * time.Minute)
	for {
		missing, err := b.notInForce(ctx, since)
		switch {
		case err == nil && missing == "":
			return nil
		case time.Now().After(deadline):
			return errors.Join(fmt.Errorf("not in force: %s", missing), err)
		case !b.stack.Controller(hostName).Running():
			return errors.New("the controller has ended")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// notInForce says what is missing; an unknown host is an error.
func (b *bench) notInForce(ctx context.Context, since time.Time) (string, error) {
	latest, err := b.stack.Client.Realization(ctx, 0, 0)
	if err != nil {
		return "", err
	}
	h, err := b.stack.Client.Host(ctx, hostName)
	if err != nil {
		return "", err
	}
	ready := 0
	for _, n := range h.NICs {
		if n.Ready {
			ready++
		}
	}
	switch {
	case h.StartedAt.Before(since): // what a relay says of the one before comes later than its end
		return "no report of a controller that was started since", nil
	case ready < b.size.Ports:
		return fmt.Sprintf("%d of %d ports are ready", ready, b.size.Ports), nil
	case h.AppliedRevision < latest.Revision:
		return fmt.Sprintf("revision %d of %d is applied", h.AppliedRevision, latest.Revision), nil
	}
	return "", nil
}

// sizes prints the memory of each process.
func (b *bench) sizes() error {
	for figure, pid := range map[string]int{
		"rss_controller":   b.stack.Controller(hostName).PID(),
		"rss_api":          b.stack.API().PID(),
		"rss_etcd":         b.stack.Etcd().PID(),
		"rss_ovs-vswitchd": b.host.OVS.VswitchdPID(),
	} {
		now, peak, err := usage.Megabytes(pid)
		if err != nil {
			return err
		}
		if err := b.lines.Figure(figure, now, "MB", lines.Members{"peak": peak}); err != nil {
			return err
		}
	}
	return nil
}
