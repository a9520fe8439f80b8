// Package host is the host that engines are measured on: a private Open vSwitch with the
// userspace datapath, whose ports carry no packets. What is measured is the control path.
package host

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"github.com/ringfence/ringfence/internal/ovsproc"
	"github.com/ringfence/ringfence/internal/workload"
)

// Bridge is the name of its bridge.
const Bridge = "br-int"

// Host is a running one.
type Host struct {
	OVS *ovsproc.Proc
	dir string
}

// Start starts one whose bridge has neither ports nor flows, and more such bridges.
func Start(ctx context.Context, more ...string) (*Host, error) {
	dir, err := os.MkdirTemp("/tmp", "rfbench") // short, for the sockets' paths
	if err != nil {
		return nil, err
	}
	p, err := ovsproc.Start(ctx, ovsproc.Config{Dir: dir, PrivateNetns: true, Dummy: true})
	if err != nil {
		return nil, err
	}
	h := &Host{p, dir}
	change := ovsproc.NewChange()
	for _, name := range append(more, Bridge) {
		change.AddBridge(ovsproc.Bridge{
			Name: name, Datapath: "netdev", FailMode: "secure", Protocols: []string{"OpenFlow10", "OpenFlow13", "OpenFlow15"},
		})
	}
	return h, h.OVS.Commit(ctx, change)
}

// PortName is the name of a port that Plug adds.
func PortName(p workload.Endpoint) string { return "vif-" + p.ID }

// Plug adds the ports to the bridge.
func (h *Host) Plug(ctx context.Context, ports []workload.Endpoint) error {
	change := ovsproc.NewChange()
	for _, p := range ports {
		change.AddPort(Bridge, ovsproc.Port{Name: PortName(p), Type: "dummy", ExternalIDs: map[string]string{"iface-id": p.ID}})
	}
	return h.OVS.Commit(ctx, change)
}

var flowCount = regexp.MustCompile(`flow_count=(\d+)`)

// Flows counts the bridge's flows.
func (h *Host) Flows(ctx context.Context) (int, error) {
	out, err := h.OVS.Ofctl(ctx, "dump-aggregate", Bridge)
	if err != nil {
		return 0, err
	}
	m := flowCount.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("no flow count in %q", out)
	}
	return strconv.Atoi(m[1])
}

// Close stops the switch, and removes its files.
func (h *Host) Close() error {
	err := h.OVS.Stop()
	if rmErr := os.RemoveAll(h.dir); err == nil {
		err = rmErr
	}
	return err
}
