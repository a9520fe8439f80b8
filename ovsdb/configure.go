package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	rows, err := c.selectRows(ctx, "Bridge", []string{"_uuid", "fail_mode", "protocols"}, Named(b.Name))
	if err != nil {
		return err
	}
	var ops []Operation
	if len(rows) == 0 {
		row := Row{"name": Scalar(String(b.Name)), "datapath_type": Scalar(String(b.DatapathType)), "protocols": Strings(b.Protocols...)}
		if b.FailMode != "" {
			row["fail_mode"] = Scalar(String(b.FailMode))
		}
		row["ports"] = Scalar(NamedRef("port"))
		ops = append(insertPort(PortConfig{Name: b.Name, Type: "internal"}),
			Insert("Bridge", "bridge", row),
			mutateRoot(Mutation{"bridges", "insert", Scalar(NamedRef("bridge"))}))
		return c.configure(ctx, "create bridge "+b.Name, ops...)
	}
	row := rows[0]
	change := Row{}
	if b.FailMode != "" && row["fail_mode"].Text() != b.FailMode {
		change["fail_mode"] = Scalar(String(b.FailMode))
	}
	if has := row["protocols"].Texts(); len(has) > 0 {
		if all := Strings(append(has, b.Protocols...)...); !all.Equal(row["protocols"]) {
			change["protocols"] = all
		}
	}
	if len(change) > 0 {
		ops = append(ops, Update("Bridge", change, Is(row.uuid())))
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
	ops := append(insertPort(p), Mutate("Bridge", Named(bridge), Mutation{"ports", "insert", Scalar(NamedRef("port"))}))
	if err := c.configure(ctx, "add port "+p.Name, ops...); err != nil {
		return 0, err
	}
	rows, err := c.selectRows(ctx, "Interface", []string{"ofport", "error"}, Named(p.Name))
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, ErrNotFound
	}
	n, _ := rows[0]["ofport"].Int()
	if n <= 0 || n > 0xffffffff {
		return 0, fmt.Errorf("no OpenFlow port number: %s", rows[0]["error"].Text())
	}
	return uint32(n), nil
}

// insertPort inserts a port, named "port" in the transaction.
func insertPort(p PortConfig) []Operation {
	iface := Row{"name": Scalar(String(p.Name)), "type": Scalar(String(p.Type)), "external_ids": StringMap(p.ExternalIDs)}
	if p.OFPort != 0 {
		iface["ofport_request"] = Scalar(Integer(int64(p.OFPort)))
	}
	return []Operation{
		Insert("Interface", "interface", iface),
		Insert("Port", "port", Row{"name": Scalar(String(p.Name)), "interfaces": Scalar(NamedRef("interface"))}),
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
	rows, err := c.selectRows(ctx, "Port", []string{"_uuid"}, Named(port))
	if err != nil {
		return err
	}
	if len(rows) == 0 || !slices.Contains(b["ports"].Refs(), rows[0].uuid()) {
		return ErrNotFound
	}
	return c.configure(ctx, "delete port "+port,
		Mutate("Bridge", Is(b.uuid()), Mutation{"ports", "delete", Scalar(Ref(rows[0].uuid()))}))
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

func (c *Client) setExternalIDs(ctx context.Context, table, name string, set map[string]string, remove []string) error {
	// An insert leaves keys alone that exist: delete them first.
	gone := slices.AppendSeq(slices.Clone(remove), maps.Keys(set))
	results, err := c.transact(ctx, []Operation{Mutate(table, Named(name),
		Mutation{"external_ids", "delete", Strings(gone...)},
		Mutation{"external_ids", "insert", StringMap(set)})})
	if err == nil && results[0].Count == 0 {
		err = ErrNotFound
	}
	return err
}

// bridge reads what the changes of a bridge start from.
func (c *Client) bridge(ctx context.Context, name string) (Row, error) {
	rows, err := c.selectRows(ctx, "Bridge", []string{"_uuid", "ports", "flow_tables"}, Named(name))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("bridge %s: %w", strconv.Quote(name), ErrNotFound)
	}
	return rows[0], nil
}

func (c *Client) selectRows(ctx context.Context, table string, columns []string, where ...Condition) ([]Row, error) {
	results, err := c.transact(ctx, []Operation{Select(table, columns, where...)})
	if err != nil {
		return nil, err
	}
	return results[0].Rows, nil
}

// uuid is the row's name, if its column _uuid was selected.
func (r Row) uuid() UUID { return UUID(r["_uuid"].Text()) }
