package ovsproc

import (
	"context"
	"fmt"
	"strings"
	"time"
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

// Change is changes of the database that take effect as one: none before Commit.
type Change struct{ steps []func(*transaction) }

// NewChange begins one.
func NewChange() *Change { return &Change{} }

func (c *Change) add(step func(*transaction)) *Change {
	c.steps = append(c.steps, step)
	return c
}

// Set sets columns that no other method knows, given as "column=value" or
// "column:key=value", of the row of that name, or "." of a table of one row.
func (c *Change) Set(table, record string, columns ...string) *Change {
	return c.add(func(t *transaction) {
		for _, setting := range columns {
			column, value, _ := strings.Cut(setting, "=")
			if column, key, ok := strings.Cut(column, ":"); ok {
				t.put(table, record, column, map[string]string{key: value})
			} else {
				t.update(table, record, map[string]any{column: value})
			}
		}
	})
}

// AddBridge makes a bridge, or has one that is there be so.
func (c *Change) AddBridge(b Bridge) *Change {
	return c.add(func(t *transaction) {
		if t.bridges[b.Name] == nil {
			port := t.insertPort(b.Name, map[string]any{"type": "internal"})
			t.bridges[b.Name] = t.insert("Bridge", map[string]any{"name": b.Name, "ports": port})
			t.mutate("Open_vSwitch", ".", "bridges", "insert", t.bridges[b.Name])
		}
		set := map[string]any{}
		if b.Datapath != "" {
			set["datapath_type"] = b.Datapath
		}
		if b.FailMode != "" {
			set["fail_mode"] = b.FailMode
		}
		if len(b.Protocols) > 0 {
			set["protocols"] = []any{"set", b.Protocols}
		}
		t.update("Bridge", b.Name, set)
	})
}

// AddPort makes a port on a bridge, or has one that is there be so.
func (c *Change) AddPort(bridge string, p Port) *Change {
	return c.add(func(t *transaction) {
		if t.bridges[bridge] == nil {
			t.fail(fmt.Errorf("no bridge named %s", bridge))
		}
		if t.ports[p.Name] == nil {
			t.mutate("Bridge", bridge, "ports", "insert", t.insertPort(p.Name, map[string]any{}))
		}
		set := map[string]any{}
		if p.Type != "" {
			set["type"] = p.Type
		}
		if p.OFPort != 0 {
			set["ofport_request"] = p.OFPort
		}
		t.update("Interface", p.Name, set)
		t.put("Interface", p.Name, "external_ids", p.ExternalIDs)
		if p.Tag != 0 {
			t.update("Port", p.Name, map[string]any{"tag": p.Tag})
		}
	})
}

// DeletePort takes a port off a bridge, if it is there.
func (c *Change) DeletePort(bridge, port string) *Change {
	return c.add(func(t *transaction) {
		if t.ports[port] == nil {
			return
		}
		t.mutate("Bridge", bridge, "ports", "delete", t.ports[port])
		// Its rows would be collected at the end: one of its name may come before.
		t.delete("Interface", port)
		t.delete("Port", port)
		delete(t.ports, port)
	})
}

// Commit makes the change in the database at db, "unix:PATH", and returns when
// ovs-vswitchd has carried it out.
func (c *Change) Commit(ctx context.Context, db string) error {
	if len(c.steps) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	t, err := begin(ctx, strings.TrimPrefix(db, "unix:"))
	if err != nil {
		return err
	}
	for _, step := range c.steps {
		step(t)
	}
	return t.commit(ctx)
}

// changePatience is how long ovs-vswitchd may take to carry out a change.
const changePatience = time.Minute

// Commit makes a change in this Open vSwitch's database.
func (p *Proc) Commit(ctx context.Context, c *Change) error { return c.Commit(ctx, p.DBAddr()) }
