package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// BridgeConfig is what EnsureBridge sees to.
type BridgeConfig struct {
	Name string
	// DatapathType is of a bridge that has to be made; that of an existing
	// one stays, since changing it would take the bridge down.
	DatapathType string
	// FailMode is set if it differs; "" leaves it alone.
	FailMode string
	// Protocols are added to those the bridge is limited to. A bridge that is
	// not limited (an empty column: all protocols) stays so.
	Protocols []string
}

// EnsureBridge makes a bridge if it is missing, and corrects its fail mode
// and protocols if they differ. It returns when ovs-vswitchd has carried it
// out, which takes one that runs: let ctx end.
func (c *Client) EnsureBridge(ctx context.Context, b BridgeConfig) error {
	err := c.ensureBridge(ctx, b)
	var refused *TransactError
	if errors.As(err, &refused) && refused.Code == "constraint violation" {
		err = c.ensureBridge(ctx, b) // somebody else made it meanwhile
	}
	return opError(err, "ensure bridge %s", b.Name)
}

func (c *Client) ensureBridge(ctx context.Context, b BridgeConfig) error {
	rows, err := c.rows(ctx, "Bridge", []string{"_uuid", "fail_mode", "protocols"}, named(b.Name))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		r := ovsdb.Row{"name": b.Name, "datapath_type": b.DatapathType, "protocols": set(b.Protocols...), "ports": ref("port")}
		if b.FailMode != "" {
			r["fail_mode"] = b.FailMode
		}
		return c.configure(ctx, "create bridge "+b.Name, append(insertPort(PortConfig{Name: b.Name, Type: "internal"}),
			insert("Bridge", "bridge", r),
			mutateRoot(mutation("bridges", ovsdb.MutateOperationInsert, ref("bridge"))))...)
	}
	has, change := rows[0], ovsdb.Row{}
	if b.FailMode != "" && has.text("fail_mode") != b.FailMode {
		change["fail_mode"] = b.FailMode
	}
	if limited := has.texts("protocols"); len(limited) > 0 {
		all := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(limited), b.Protocols...))))
		if !slices.Equal(all, limited) {
			change["protocols"] = set(all...)
		}
	}
	var ops []ovsdb.Operation
	if len(change) > 0 {
		ops = append(ops, update("Bridge", is(has.uuid()), change))
	}
	return c.configure(ctx, "adjust bridge "+b.Name, ops...)
}

// PortConfig is a port with one interface of the same name.
type PortConfig struct {
	Name        string
	Type        string // of the interface, such as "internal"; "" is a device of the system
	OFPort      uint16 // requested OpenFlow port number; 0 leaves the choice to ovs-vswitchd
	ExternalIDs map[string]string
}

// AddPort adds a port to a bridge and returns its OpenFlow port number when
// ovs-vswitchd has made it. If it could not, the error says why, and the port
// is in the database still.
func (c *Client) AddPort(ctx context.Context, bridge string, p PortConfig) (ofport uint32, err error) {
	ofport, err = c.addPort(ctx, bridge, p)
	return ofport, opError(err, "add port %s to %s", p.Name, bridge)
}

func (c *Client) addPort(ctx context.Context, bridge string, p PortConfig) (uint32, error) {
	if _, err := c.bridge(ctx, bridge); err != nil {
		return 0, err
	}
	ops := append(insertPort(p), mutate("Bridge", named(bridge), mutation("ports", ovsdb.MutateOperationInsert, ref("port"))))
	if err := c.configure(ctx, "add port "+p.Name, ops...); err != nil {
		return 0, err
	}
	rows, err := c.rows(ctx, "Interface", []string{"ofport", "error"}, named(p.Name))
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, ErrNotFound
	}
	n := rows[0].number("ofport")
	if n <= 0 || n > 0xffffffff {
		return 0, fmt.Errorf("no OpenFlow port number: %s", rows[0].text("error"))
	}
	return uint32(n), nil
}

// insertPort inserts a port, named "port" in the transaction.
func insertPort(p PortConfig) []ovsdb.Operation {
	iface := ovsdb.Row{"name": p.Name, "type": p.Type, "external_ids": dict(p.ExternalIDs)}
	if p.OFPort != 0 {
		iface["ofport_request"] = int(p.OFPort)
	}
	return []ovsdb.Operation{
		insert("Interface", "interface", iface),
		insert("Port", "port", ovsdb.Row{"name": p.Name, "interfaces": ref("interface")}),
	}
}

// DelPort takes a port off a bridge and returns when ovs-vswitchd has let go
// of it. ErrNotFound if the bridge has no such port.
func (c *Client) DelPort(ctx context.Context, bridge, port string) error {
	return opError(c.delPort(ctx, bridge, port), "delete port %s of %s", port, bridge)
}

func (c *Client) delPort(ctx context.Context, bridge, port string) error {
	b, err := c.bridge(ctx, bridge)
	if err != nil {
		return err
	}
	rows, err := c.rows(ctx, "Port", []string{"_uuid"}, named(port))
	if err != nil {
		return err
	}
	if len(rows) == 0 || !slices.Contains(b.texts("ports"), string(rows[0].uuid())) {
		return ErrNotFound
	}
	return c.configure(ctx, "delete port "+port,
		mutate("Bridge", is(b.uuid()), mutation("ports", ovsdb.MutateOperationDelete, ref(rows[0].uuid()))))
}

// SetExternalIDs sets keys of the external_ids of the interface with that
// name and removes others; keys not named stay. ErrNotFound if there is no
// such interface.
func (c *Client) SetExternalIDs(ctx context.Context, iface string, set map[string]string, remove ...string) error {
	return opError(c.setExternalIDs(ctx, "Interface", iface, set, remove), "set external_ids of interface %s", iface)
}

// SetBridgeExternalIDs does the same for a bridge.
func (c *Client) SetBridgeExternalIDs(ctx context.Context, bridge string, set map[string]string, remove ...string) error {
	return opError(c.setExternalIDs(ctx, "Bridge", bridge, set, remove), "set external_ids of bridge %s", bridge)
}

// SetInterfaceExternalIDs sets keys of the external_ids of many interfaces, by
// their name, in one transaction. One that has gone meanwhile is no error.
func (c *Client) SetInterfaceExternalIDs(ctx context.Context, ids map[string]map[string]string) error {
	var ops []ovsdb.Operation
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		ops = append(ops, setExternalIDs("Interface", name, ids[name], nil))
	}
	_, err := c.transact(ctx, ops...)
	return opError(err, "set external_ids of %d interfaces", len(ids))
}

func (c *Client) setExternalIDs(ctx context.Context, table, name string, set map[string]string, remove []string) error {
	results, err := c.transact(ctx, setExternalIDs(table, name, set, remove))
	if err == nil && results[0].Count == 0 {
		err = ErrNotFound
	}
	return err
}

func setExternalIDs(table, name string, to map[string]string, remove []string) ovsdb.Operation {
	// An insert leaves keys alone that exist: delete them first.
	gone := slices.AppendSeq(slices.Clone(remove), maps.Keys(to))
	return mutate(table, named(name),
		mutation("external_ids", ovsdb.MutateOperationDelete, set(gone...)),
		mutation("external_ids", ovsdb.MutateOperationInsert, dict(to)))
}

// bridge reads what the changes of a bridge start from.
func (c *Client) bridge(ctx context.Context, name string) (row, error) {
	rows, err := c.rows(ctx, "Bridge", []string{"_uuid", "ports", "flow_tables"}, named(name))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("bridge %s: %w", strconv.Quote(name), ErrNotFound)
	}
	return rows[0], nil
}
