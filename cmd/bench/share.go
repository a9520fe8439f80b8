package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ringfence/ringfence/cmd/bench/internal/direct"
	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// bigStore is a policy of which one host needs little.
var bigStore = workload.Size{Ports: 20, Groups: 10_000, Rules: 100_000, Members: 50_000}

const (
	atATime = 50 // objects that are written in one transaction
	foreign = 1000
)

// share measures what a host behind a relay takes while the policy is big and concerns
// others: its memory, how long it takes to start, and what a change that concerns it not
// at all costs it.
func (b *bench) share(ctx context.Context) error {
	if err := b.host.Plug(ctx, b.load.Ports); err != nil {
		return err
	}
	s, err := direct.Open(ctx, b.stack.EtcdURL())
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Fill(ctx, b.load.Changes(), atATime); err != nil {
		return err
	}
	start := time.Now()
	if err := b.stack.StartController(stack.Host{Name: hostName, OVSDB: b.host.OVS.DBAddr(), Bridge: host.Bridge}); err != nil {
		return err
	}
	if err := b.awaitInForce(ctx, start); err != nil {
		return err
	}
	if err := b.lines.Figure("start_applied", time.Since(start).Seconds(), "s", lines.Members{"ports": b.size.Ports}); err != nil {
		return err
	}
	if err := b.sizes(); err != nil {
		return err
	}
	return b.foreignChanges(ctx, s)
}

// foreignChanges makes changes of a group that no port of the host has, and that no
// rule of theirs names.
func (b *bench) foreignChanges(ctx context.Context, s *direct.Store) error {
	group := *b.load.Groups[b.size.Groups/2]
	pid := b.stack.Controller(hostName).PID()
	idle := time.Now()
	before, err := usage.CPU(pid)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Second): // what the controller takes while nothing changes
	}
	rested, err := usage.CPU(pid)
	if err != nil {
		return err
	}
	quiet := (rested - before) / time.Since(idle).Seconds()
	start := time.Now()
	for i := range foreign {
		changed := group
		changed.Rules = append(slices.Clone(group.Rules), secgroup.Rule{
			ID: "foreign", Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP, PortMin: uint16(1 + i), PortMax: uint16(1 + i), Enabled: true, Origin: secgroup.OriginUser,
		})
		if _, err := s.Write(ctx, secgroup.Put(&changed)); err != nil {
			return err
		}
	}
	took := time.Since(start)
	after, err := usage.CPU(pid)
	if err != nil {
		return err
	}
	spent := after - rested - quiet*took.Seconds()
	return errors.Join(
		b.lines.Figure("cpu_idle", quiet*1000, "ms/s", nil),
		b.lines.Figure("cpu_per_foreign_change", max(0, spent)/foreign*1e6, "µs", lines.Members{"n": foreign, "took_s": took.Seconds()}))
}
