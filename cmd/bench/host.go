package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
	"github.com/ringfence/ringfence/internal/ovsproc"
	"github.com/ringfence/ringfence/internal/workload"
)

const bridge = "br-int"

// host is a private Open vSwitch with the userspace datapath, whose ports
// carry no packets: what is measured is the control path.
type host struct {
	ovs *ovsproc.Proc
	dir string
}

func startHost(ctx context.Context) (*host, error) {
	dir, err := os.MkdirTemp("/tmp", "rfbench") // short, for the sockets' paths
	if err != nil {
		return nil, err
	}
	p, err := ovsproc.Start(ctx, ovsproc.Config{Dir: dir, PrivateNetns: true, Dummy: true})
	if err != nil {
		return nil, err
	}
	h := &host{p, dir}
	change := ovsproc.NewChange()
	for _, name := range []string{bridge, limitBridge} {
		change.AddBridge(ovsproc.Bridge{
			Name: name, Datapath: "netdev", FailMode: "secure", Protocols: []string{"OpenFlow10", "OpenFlow13", "OpenFlow15"},
		})
	}
	return h, h.ovs.Commit(ctx, change)
}

// plug adds the ports to the bridge.
func (h *host) plug(ctx context.Context, ports []workload.Endpoint) error {
	change := ovsproc.NewChange()
	for _, p := range ports {
		change.AddPort(bridge, ovsproc.Port{Name: "vif-" + p.ID, Type: "dummy", ExternalIDs: map[string]string{"iface-id": p.ID}})
	}
	return h.ovs.Commit(ctx, change)
}

var flowCount = regexp.MustCompile(`flow_count=(\d+)`)

// flows counts the bridge's flows.
func (h *host) flows(ctx context.Context) (int, error) {
	out, err := h.ovs.Ofctl(ctx, "dump-aggregate", bridge)
	if err != nil {
		return 0, err
	}
	m := flowCount.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("no flow count in %q", out)
	}
	return strconv.Atoi(m[1])
}

func (h *host) close() error {
	err := h.ovs.Stop()
	if rmErr := os.RemoveAll(h.dir); err == nil {
		err = rmErr
	}
	return err
}

// memory is a process's resident set, now and at its highest, in MB of 2^20 bytes.
func memory(pid int) (now, peak float64, err error) {
	n, p, err := usage.Memory(pid)
	return float64(n) / (1 << 20), float64(p) / (1 << 20), err
}
