package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"

	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/cmd/bench/internal/ovnproc"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// ovn is OVN with a policy, whose changes are transactions of its northbound database.
type ovn struct {
	*ovnproc.OVN
	host  *host.Host
	load  workload.Load
	north *ovnproc.Northbound
	ports map[string]any // rows, by the ports' ids
	rules map[string]any // rows of those that were added, by group and id
}

var ovnNumber = regexp.MustCompile(`\d+\.\d+\.\d+`)

func ovnVersion(ctx context.Context) (string, error) {
	for _, program := range []string{"ovn-northd", "ovn-nbctl", "ovn-controller"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is not installed (ovn-central, ovn-host)", program)
		}
	}
	said, err := exec.CommandContext(ctx, "ovn-controller", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ovn-controller --version: %w", err)
	}
	return ovnNumber.FindString(string(said)), nil
}

// prepareOVN writes the policy, and has ovn-northd make logical flows of it.
func prepareOVN(ctx context.Context, h *host.Host, load workload.Load) (engine, error) {
	control, err := ovnproc.Start(ctx, h.OVS)
	if err != nil {
		return nil, err
	}
	o := &ovn{OVN: control, host: h, load: load, ports: map[string]any{}, rules: map[string]any{}}
	if err := o.write(ctx); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *ovn) write(ctx context.Context) (err error) {
	if o.north, err = o.Northbound(ctx); err != nil {
		return err
	}
	results, err := o.north.Apply(ctx, ovnproc.Translated, ovnPolicy(o.load)...)
	if err != nil {
		return err
	}
	for i, p := range o.load.Ports { // which come first
		o.ports[p.ID] = results[i].UUID
	}
	return nil
}

func (o *ovn) begins() string { return "ovn-controller's start, with logical flows there" }

func (o *ovn) start(ctx context.Context) error {
	if err := o.StartController(ctx, host.Bridge); err != nil {
		return err
	}
	// Until it has all ports it says that it has all that it knows of in force.
	for _, p := range o.load.Ports {
		if err := o.north.Await(ctx, "Logical_Switch_Port", named(p.ID), "up", true); err != nil {
			return err
		}
	}
	return o.apply(ctx)
}

// apply has operations in force when it returns.
func (o *ovn) apply(ctx context.Context, operations ...ovnproc.Operation) error {
	_, err := o.north.Apply(ctx, ovnproc.InForce, operations...)
	return err
}

func (o *ovn) addRule(ctx context.Context, group string, r secgroup.Rule) error {
	results, err := o.north.Apply(ctx, ovnproc.InForce, ruleACL("new", group, r), mutate("Port_Group", group, "acls", "insert", made("new")))
	if err != nil {
		return err
	}
	o.rules[group+"/"+r.ID] = results[0].UUID
	return nil
}

func (o *ovn) removeRule(ctx context.Context, group string, r secgroup.Rule) error {
	return o.apply(ctx, mutate("Port_Group", group, "acls", "delete", o.rules[group+"/"+r.ID]))
}

func (o *ovn) addMember(ctx context.Context, group string, e workload.Endpoint) error {
	return o.apply(ctx, mutate("Address_Set", group, "addresses", "insert", e.Address.String()))
}

func (o *ovn) removeMember(ctx context.Context, group string, e workload.Endpoint) error {
	return o.apply(ctx, mutate("Address_Set", group, "addresses", "delete", e.Address.String()))
}

func (o *ovn) attach(ctx context.Context, group string, port workload.Endpoint) error {
	return o.attachment(ctx, "insert", group, port)
}

func (o *ovn) detach(ctx context.Context, group string, port workload.Endpoint) error {
	return o.attachment(ctx, "delete", group, port)
}

func (o *ovn) attachment(ctx context.Context, how, group string, port workload.Endpoint) error {
	return o.apply(ctx,
		mutate("Port_Group", group, "ports", how, o.ports[port.ID]),
		mutate("Address_Set", group, "addresses", how, port.Address.String()))
}

func (o *ovn) addGroup(ctx context.Context, id string, members []workload.Endpoint) error {
	var addresses []any
	for _, e := range members {
		addresses = append(addresses, e.Address.String())
	}
	return o.apply(ctx, addressSet(id, addresses))
}

func (o *ovn) processes() map[string]int {
	return map[string]int{
		"controller": o.PID("ovn-controller"), "ovn-northd": o.PID("ovn-northd"), "northbound": o.PID("ovsdb-nb"), "southbound": o.PID("ovsdb-sb"),
		"ovs-vswitchd": o.host.OVS.VswitchdPID(),
	}
}

func (o *ovn) close() error {
	err := o.OVN.Close()
	if o.north != nil {
		err = errors.Join(err, o.north.Close())
	}
	return err
}
