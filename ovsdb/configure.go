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
		return c.configure(ctx, "create bridge "+b.Name, append(insertPort(b.Name),
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
		ops = append(ops, update("Bridge", equalTo(has.uuid()), change))
	}
	return c.configure(ctx, "adjust bridge "+b.Name, ops...)
}

// insertPort inserts a port, named "port" in the transaction, with one internal
// interface of the same name.
func insertPort(name string) []ovsdb.Operation {
	return []ovsdb.Operation{
		insert("Interface", "interface", ovsdb.Row{"name": name, "type": "internal"}),
		insert("Port", "port", ovsdb.Row{"name": name, "interfaces": ref("interface")}),
	}
}

// SetInterfaceExternalIDs sets keys of the external_ids of many interfaces, by
// their name, in one transaction. One that has gone meanwhile is no error.
func (c *Client) SetInterfaceExternalIDs(ctx context.Context, ids map[string]map[string]string) error {
	var ops []ovsdb.Operation
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		ops = append(ops, setExternalIDs("Interface", name, ids[name]))
	}
	_, err := c.transact(ctx, ops...)
	return opError(err, "set external_ids of %d interfaces", len(ids))
}

// Policed is a policing, and the value of a key of external_ids that goes with it; ""
// takes the key away.
type Policed struct {
	Policing
	Mark string
}

// SetInterfacePolicing polices many interfaces, by their name, and marks them at a
// key of their external_ids, in one transaction. One that has gone meanwhile is no
// error. What the kernel refuses ovs-vswitchd tells its log alone.
func (c *Client) SetInterfacePolicing(ctx context.Context, key string, to map[string]Policed) error {
	var ops []ovsdb.Operation
	for _, name := range slices.Sorted(maps.Keys(to)) {
		p := to[name]
		ops = append(ops, update("Interface", named(name), ovsdb.Row{"ingress_policing_kpkts_rate": p.Rate, "ingress_policing_kpkts_burst": p.Burst}),
			mutate("Interface", named(name), mutation("external_ids", ovsdb.MutateOperationDelete, set(key))))
		if p.Mark != "" {
			ops = append(ops, setExternalIDs("Interface", name, map[string]string{key: p.Mark}))
		}
	}
	_, err := c.transact(ctx, ops...)
	return opError(err, "police %d interfaces", len(to))
}

func setExternalIDs(table, name string, to map[string]string) ovsdb.Operation {
	// An insert leaves keys alone that exist: delete them first.
	return mutate(table, named(name),
		mutation("external_ids", ovsdb.MutateOperationDelete, set(slices.Collect(maps.Keys(to))...)),
		mutation("external_ids", ovsdb.MutateOperationInsert, dict(to)))
}

// bridge reads what the changes of a bridge start from.
func (c *Client) bridge(ctx context.Context, name string) (row, error) {
	rows, err := c.rows(ctx, "Bridge", []string{"_uuid", "flow_tables"}, named(name))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("bridge %s: %w", strconv.Quote(name), ErrNotFound)
	}
	return rows[0], nil
}

// SetBridgeExternalIDs sets keys of a bridge's external_ids. A bridge that has gone
// meanwhile is no error.
func (c *Client) SetBridgeExternalIDs(ctx context.Context, bridge string, ids map[string]string) error {
	_, err := c.transact(ctx, setExternalIDs("Bridge", bridge, ids))
	return opError(err, "set external_ids of bridge %s", bridge)
}
