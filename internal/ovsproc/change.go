package ovsproc

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"

	"github.com/digitalocean/go-openvswitch/ovs"
)

// Bridge is how a bridge is made.
type Bridge struct {
	Name      string
	Datapath  string   // datapath_type; "" is the kernel's
	FailMode  string   // "secure", "standalone", or "" for OVS's default
	Protocols []string // OpenFlow versions; none is OVS's default
}

// Port is how a port with one interface of its name is made.
type Port struct {
	Name        string
	Type        string // of the interface; "" is a device of the system
	OFPort      uint32 // requested; 0 leaves it to ovs-vswitchd
	Tag         uint16 // VLAN of an access port; 0 is a trunk
	ExternalIDs map[string]string
}

// Change is changes of the database that take effect as one. The commands are
// go-openvswitch's, but for columns that it does not know. No command is run
// before Commit.
type Change struct {
	lib      *ovs.Client
	commands []string // separated by "--"
	err      error
}

// NewChange begins one.
func NewChange() *Change {
	c := &Change{}
	c.lib = ovs.New(ovs.Exec(func(_ string, args ...string) ([]byte, error) {
		c.commands = append(append(c.commands, "--"), args...)
		return nil, nil
	}))
	return c
}

// note keeps the first error.
func (c *Change) note(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Set sets columns that no other method knows, given as "column=value", of a row.
func (c *Change) Set(table, record string, columns ...string) *Change {
	if len(columns) > 0 {
		c.commands = append(append(c.commands, "--", "set", table, record), columns...)
	}
	return c
}

// AddBridge makes a bridge, or has one that is there be so.
func (c *Change) AddBridge(b Bridge) *Change {
	c.note(c.lib.VSwitch.AddBridge(b.Name))
	if b.Datapath != "" {
		c.Set("bridge", b.Name, "datapath_type="+b.Datapath)
	}
	if b.FailMode != "" {
		c.note(c.lib.VSwitch.SetFailMode(b.Name, ovs.FailMode(b.FailMode)))
	}
	if len(b.Protocols) > 0 {
		c.note(c.lib.VSwitch.Set.Bridge(b.Name, ovs.BridgeOptions{Protocols: b.Protocols}))
	}
	return c
}

// AddPort makes a port on a bridge, or has one that is there be so.
func (c *Change) AddPort(bridge string, p Port) *Change {
	c.note(c.lib.VSwitch.AddPort(bridge, p.Name))
	if p.Type != "" {
		c.note(c.lib.VSwitch.Set.Interface(p.Name, ovs.InterfaceOptions{Type: ovs.InterfaceType(p.Type)}))
	}
	if p.Tag != 0 {
		c.Set("port", p.Name, fmt.Sprintf("tag=%d", p.Tag))
	}
	var columns []string
	if p.OFPort != 0 {
		columns = append(columns, fmt.Sprintf("ofport_request=%d", p.OFPort))
	}
	for _, key := range slices.Sorted(maps.Keys(p.ExternalIDs)) {
		columns = append(columns, fmt.Sprintf("external_ids:%s=%q", key, p.ExternalIDs[key]))
	}
	c.Set("interface", p.Name, columns...)
	return c
}

// DeletePort takes a port off a bridge, if it is there.
func (c *Change) DeletePort(bridge, port string) *Change {
	c.note(c.lib.VSwitch.DeletePort(bridge, port))
	return c
}

// Commit makes the change in the database at db, "unix:PATH", and returns when
// ovs-vswitchd has carried it out.
func (c *Change) Commit(ctx context.Context, db string) error {
	if c.err != nil || len(c.commands) == 0 {
		return c.err
	}
	out, err := exec.CommandContext(ctx, "ovs-vsctl", append(vsctlFlags(db), c.commands...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ovs-vsctl %q: %w: %s", c.commands[1:], err, out)
	}
	return nil
}

// Commit makes a change in this Open vSwitch's database.
func (p *Proc) Commit(ctx context.Context, c *Change) error { return c.Commit(ctx, p.DBAddr()) }
