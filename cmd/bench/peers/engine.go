package main

import (
	"context"
	"fmt"

	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// engine is one that has a policy, and has or will have the host's bridge enforce it. A change
// returns when the engine says that it is in force.
type engine interface {
	// start starts what programs the bridge, and returns when all of the policy is in force.
	start(context.Context) error
	// begins says what the engine's start begins with, as a line says it.
	begins() string

	addRule(ctx context.Context, group string, r secgroup.Rule) error
	removeRule(ctx context.Context, group string, r secgroup.Rule) error
	// A member is somewhere else in the network.
	addMember(ctx context.Context, group string, e workload.Endpoint) error
	removeMember(ctx context.Context, group string, e workload.Endpoint) error
	// A port is the host's.
	attach(ctx context.Context, group string, port workload.Endpoint) error
	detach(ctx context.Context, group string, port workload.Endpoint) error
	// addGroup makes a group that has no rules, and no port of the host.
	addGroup(ctx context.Context, id string, members []workload.Endpoint) error

	// processes are those of the engine by their pids, of which the one that is on every host
	// is the "controller".
	processes() map[string]int
	close() error
}

// ingress lets in what a rule of the host's groups lets in: TCP to a port from a group.
func ingress(port int, remote string) secgroup.Rule {
	r := secgroup.Rule{ID: fmt.Sprint("new", port), Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, PortMin: uint16(port), RemoteGroup: workload.Ref(remote), Enabled: true}
	r.Normalize()
	return r
}
