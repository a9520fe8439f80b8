package unixctl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Table is how full the datapath's table of connections is, of all zones and also
// of who else uses it.
type Table struct{ Connections, Max uint64 }

// kernelTable is where the kernel tells of its own (nf_conntrack-sysctl in the kernel's
// documentation): of this process' network namespace, which is ovs-vswitchd's.
const kernelTable = "/proc/sys/net/netfilter/"

// GetTable asks how many connections there are and may be.
func (c *Client) GetTable(ctx context.Context) (t Table, err error) {
	read := func(command string) (string, error) { return c.dpctl(ctx, command, nil) }
	count, most := "ct-get-nconns", "ct-get-maxconns"
	if c.Kernel() { // which ovs-vswitchd does not ask (lib/dpif-netlink.c)
		count, most = "nf_conntrack_count", "nf_conntrack_max"
		read = func(name string) (string, error) {
			text, err := os.ReadFile(filepath.Join(kernelTable, name))
			return string(text), err
		}
	}
	for _, f := range []struct {
		name string
		into *uint64
	}{{count, &t.Connections}, {most, &t.Max}} {
		text, err := read(f.name)
		if err == nil {
			*f.into, err = number[uint64](strings.TrimSpace(text))
		}
		if err != nil {
			return Table{}, &OpError{Op: f.name, Err: fmt.Errorf("table of connections: %w", err)}
		}
	}
	return t, nil
}
