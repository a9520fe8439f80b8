package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/internal/ovsproc"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// python is Debian's own, which its packages are for.
const python = "/usr/bin/python3"

// neutronProgram runs Neutron's firewall, and does what it is told by lines.
//
//go:embed agent.py
var neutronProgram []byte

// neutron is the firewall of Neutron's agent, in a process of its own that has the policy.
type neutron struct {
	host    *host.Host
	process *stack.Process
	conn    net.Conn
	answer  *json.Decoder
}

func neutronVersion(ctx context.Context) (string, error) {
	if _, err := exec.LookPath(python); err != nil {
		return "", fmt.Errorf("%s is not installed", python)
	}
	said, err := exec.CommandContext(ctx, python, "-c", "import importlib.metadata as m, neutron.plugins.ml2.drivers.openvswitch; print(m.version('neutron'))").Output()
	if err != nil {
		return "", errors.New("Neutron is not installed (python3-neutron, neutron-openvswitch-agent)") //nolint:staticcheck // its name
	}
	return strings.TrimSpace(string(said)), nil
}

// prepareNeutron has the agent's program loaded and told the policy, and the bridge as the agent
// makes it besides security groups.
func prepareNeutron(ctx context.Context, h *host.Host, load workload.Load) (engine, error) {
	n := &neutron{host: h}
	if err := n.prepare(ctx, load); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *neutron) prepare(ctx context.Context, load workload.Load) error {
	change := ovsproc.NewChange()
	for _, p := range load.Ports {
		name := host.PortName(p)
		change.AddPort(host.Bridge, ovsproc.Port{Name: name, Tag: 1, ExternalIDs: map[string]string{"iface-id": p.ID, "attached-mac": p.MAC.String(), "iface-status": "active"}}).
			Set("Port", name, "other_config:tag=1", "other_config:network_type=vxlan")
	}
	if err := n.host.OVS.Commit(ctx, change); err != nil {
		return err
	}
	for _, flow := range []string{"table=0,priority=0,actions=resubmit(,60)", "table=60,priority=3,actions=normal"} {
		if _, err := n.host.OVS.Ofctl(ctx, "add-flow", host.Bridge, flow); err != nil {
			return err
		}
	}
	if err := n.load(ctx); err != nil {
		return err
	}
	return n.do(ctx, "write", neutronPolicy(load))
}

// load starts the program, and returns when it has loaded Neutron.
func (n *neutron) load(ctx context.Context) (err error) {
	run := n.host.OVS.RunDir()
	program, socket := filepath.Join(run, "agent.py"), filepath.Join(run, "neutron.sock")
	if err := os.WriteFile(program, neutronProgram, 0o644); err != nil {
		return err
	}
	if n.process, err = stack.StartProcess("neutron", filepath.Join(n.host.OVS.LogDir(), "neutron.log"),
		"env", "OVS_RUNDIR="+run, python, program, socket, n.host.OVS.DBAddr(), host.Bridge); err != nil {
		return err
	}
	for {
		if n.conn, err = new(net.Dialer).DialContext(ctx, "unix", socket); err == nil {
			n.answer = json.NewDecoder(n.conn)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.process.Done():
			return fmt.Errorf("Neutron does not load: %s", n.process.Log()) //nolint:staticcheck // its name
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// do has a request carried out.
func (n *neutron) do(ctx context.Context, what string, request map[string]any) error {
	defer context.AfterFunc(ctx, func() { _ = n.conn.SetDeadline(time.Unix(1, 0)) })()
	request["do"] = what
	var answer struct{ Error string }
	if err := n.exchange(request, &answer); err != nil {
		return cmp.Or(ctx.Err(), fmt.Errorf("%s: %w: %s", what, err, n.process.Log()))
	}
	if answer.Error != "" {
		return fmt.Errorf("%s: %s: %s", what, answer.Error, n.process.Log())
	}
	return nil
}

func (n *neutron) exchange(request, answer any) error {
	if err := json.NewEncoder(n.conn).Encode(request); err != nil {
		return err
	}
	return n.answer.Decode(answer)
}

func (n *neutron) begins() string {
	return "the agent's first pass, with its firewall initialized"
}

func (n *neutron) start(ctx context.Context) error { return n.do(ctx, "start", map[string]any{}) }

func (n *neutron) addRule(ctx context.Context, group string, r secgroup.Rule) error {
	return n.rule(ctx, "add_rule", group, r)
}

func (n *neutron) removeRule(ctx context.Context, group string, r secgroup.Rule) error {
	return n.rule(ctx, "remove_rule", group, r)
}

func (n *neutron) rule(ctx context.Context, what, group string, r secgroup.Rule) error {
	if r.RemoteGroup.ID != "" && r.RemoteCIDR.IsValid() {
		return errUnknown
	}
	return n.do(ctx, what, map[string]any{"group": group, "rule": neutronRule(r)})
}

func (n *neutron) addMember(ctx context.Context, group string, e workload.Endpoint) error {
	return n.do(ctx, "add_member", map[string]any{"group": group, "member": neutronMember(e)})
}

func (n *neutron) removeMember(ctx context.Context, group string, e workload.Endpoint) error {
	return n.do(ctx, "remove_member", map[string]any{"group": group, "member": neutronMember(e)})
}

func (n *neutron) attach(ctx context.Context, group string, port workload.Endpoint) error {
	return n.do(ctx, "attach", map[string]any{"group": group, "port": port.ID})
}

func (n *neutron) detach(ctx context.Context, group string, port workload.Endpoint) error {
	return n.do(ctx, "detach", map[string]any{"group": group, "port": port.ID})
}

func (n *neutron) addGroup(ctx context.Context, id string, members []workload.Endpoint) error {
	return n.do(ctx, "add_group", map[string]any{"group": id, "members": neutronMembers(members)})
}

func (n *neutron) processes() map[string]int {
	return map[string]int{"controller": n.process.PID(), "ovs-vswitchd": n.host.OVS.VswitchdPID()}
}

func (n *neutron) close() (err error) {
	if n.process != nil {
		err = n.process.Kill()
	}
	if n.conn != nil {
		n.conn.Close()
	}
	return err
}
