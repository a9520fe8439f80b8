package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ringfence/ringfence/internal/ovsproc"
)

// JoinBeside joins that bridge to the fabric, by a link of its own. It has a node.
func (h *Host) JoinBeside(ctx context.Context) error {
	const port = "besideup"
	there := "beside-" + h.name
	if err := wire(h.ns, port, h.lab.fabric.ns, there); err != nil {
		return err
	}
	if err := h.Commit(ctx, ovsproc.NewChange().AddPort(beside, ovsproc.Port{Name: port})); err != nil {
		return err
	}
	return h.lab.fabric.Commit(ctx, ovsproc.NewChange().AddPort(fabricBridge, ovsproc.Port{Name: there}))
}

// Beside adds a node at the bridge beside that of the VMs.
func (h *Host) Beside(ctx context.Context, spec NodeSpec) (*Node, error) {
	n, err := h.lab.newNode(spec)
	if err != nil {
		return nil, err
	}
	port := fmt.Sprintf("beside%d", h.lab.number())
	if err := wire(h.ns, port, n.NS, Device, configure(Device, spec)...); err != nil {
		return nil, err
	}
	return n, h.Commit(ctx, ovsproc.NewChange().AddBridge(ovsproc.Bridge{Name: beside, Datapath: Datapath()}).AddPort(beside, ovsproc.Port{Name: port}))
}

// Plug adds the VMs' taps to the bridge, in one transaction.
func (h *Host) Plug(ctx context.Context, vms ...*VM) error {
	change := ovsproc.NewChange()
	for _, v := range vms {
		change.AddPort(Bridge, ovsproc.Port{Name: v.tap, ExternalIDs: map[string]string{"iface-id": v.NIC}})
	}
	return h.Commit(ctx, change)
}

// Unplug removes the VMs' taps from the bridge.
func (h *Host) Unplug(ctx context.Context, vms ...*VM) error {
	change := ovsproc.NewChange()
	for _, v := range vms {
		change.DeletePort(Bridge, v.tap)
	}
	return h.Commit(ctx, change)
}

// Replug removes the VMs' taps from the bridge and adds them again in the same
// transaction, so that nobody who reads the database sees them gone.
func (h *Host) Replug(ctx context.Context, vms ...*VM) error {
	change := ovsproc.NewChange()
	for _, v := range vms {
		change.DeletePort(Bridge, v.tap).AddPort(Bridge, ovsproc.Port{Name: v.tap, ExternalIDs: map[string]string{"iface-id": v.NIC}})
	}
	return h.Commit(ctx, change)
}

// Connect sets the uplink's state: without it the host's VMs reach each other
// alone.
func (h *Host) Connect(up bool) error {
	state := map[bool]string{true: "up", false: "down"}[up]
	return h.ns.IP("link set " + Uplink + " " + state)
}

// Flows are the bridge's flows as ovs-ofctl prints them, one a line, without
// the counters and ages.
func (h *Host) Flows(ctx context.Context) ([]string, error) {
	out, err := h.Ofctl(ctx, "--no-stats", "--sort", "dump-flows", Bridge)
	if err != nil {
		return nil, err
	}
	var flows []string
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.Contains(line, "actions=") {
			flows = append(flows, line)
		}
	}
	return flows, nil
}

// Ofctl runs ovs-ofctl(8). A switch that starts has no management socket yet,
// and one that is being reconfigured may close it under the caller's hands: then
// it is tried again.
func (h *Host) Ofctl(ctx context.Context, args ...string) (string, error) {
	for deadline := time.Now().Add(ofctlPatience); ; time.Sleep(10 * time.Millisecond) {
		out, err := h.site.Ofctl(ctx, args...)
		if err == nil || time.Now().After(deadline) ||
			!strings.Contains(err.Error(), "failed to open socket") && !strings.Contains(err.Error(), "is not a bridge or a socket") {
			return out, err
		}
	}
}

// ofctlPatience is how long a switch may take to open its management socket.
const ofctlPatience = time.Minute
