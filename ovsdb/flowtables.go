package ovsdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// FlowTable is the configuration of one OpenFlow table of a bridge.
type FlowTable struct {
	// Name is what ovs-ofctl --names prints; "" leaves it alone.
	Name string
	// Prefixes are the fields for which the classifier keeps track of address
	// prefixes ("nw_src", "ipv6_dst", …): without, a match on one long prefix
	// un-wildcards the whole address in every megaflow. OVS 3.1 takes at most
	// three, and defaults to nw_dst and nw_src. nil leaves them alone.
	Prefixes []string
}

// SetFlowTables configures OpenFlow tables of a bridge, by number. Tables and
// settings not named stay; nothing is written if nothing differs. It returns
// when ovs-vswitchd has carried it out.
func (c *Client) SetFlowTables(ctx context.Context, bridge string, tables map[uint8]FlowTable) error {
	return opError(c.setFlowTables(ctx, bridge, tables), "set flow tables of %s", bridge)
}

// SetFlowTableNames sets the names of OpenFlow tables only.
func (c *Client) SetFlowTableNames(ctx context.Context, bridge string, names map[uint8]string) error {
	tables := make(map[uint8]FlowTable, len(names))
	for n, name := range names {
		tables[n] = FlowTable{Name: name}
	}
	return c.SetFlowTables(ctx, bridge, tables)
}

func (c *Client) setFlowTables(ctx context.Context, bridge string, tables map[uint8]FlowTable) error {
	_, schema, err := c.connect(ctx)
	if err != nil {
		return err
	}
	prefixes, err := schema.Column("Flow_Table", "prefixes")
	if err != nil {
		return err
	}
	b, err := c.bridge(ctx, bridge)
	if err != nil {
		return err
	}
	existing, err := c.flowTables(ctx)
	if err != nil {
		return err
	}
	var ops []Operation
	for _, n := range slices.Sorted(maps.Keys(tables)) {
		want := tables[n].row()
		if len(tables[n].Prefixes) > prefixes.Max {
			return fmt.Errorf("table %d: %d prefixes, where %s are allowed", n, len(tables[n].Prefixes), prefixes.sizes())
		}
		ref, ok := b["flow_tables"].IntRefs()[int64(n)]
		if !ok {
			name := fmt.Sprintf("table%d", n)
			ops = append(ops, Insert("Flow_Table", name, want),
				Mutate("Bridge", Is(b.uuid()), Mutation{"flow_tables", "insert", Map(Integer(int64(n)), NamedRef(name))}))
			continue
		}
		maps.DeleteFunc(want, func(column string, v Value) bool { return v.Equal(existing[ref][column]) })
		if len(want) > 0 {
			ops = append(ops, Update("Flow_Table", want, Is(ref)))
		}
	}
	return c.configure(ctx, "set flow tables of "+bridge, ops...)
}

// flowTables reads all flow tables' rows.
func (c *Client) flowTables(ctx context.Context) (map[UUID]Row, error) {
	rows, err := c.selectRows(ctx, "Flow_Table", []string{"_uuid", "name", "prefixes"})
	if err != nil {
		return nil, err
	}
	tables := make(map[UUID]Row, len(rows))
	for _, row := range rows {
		tables[row.uuid()] = row
	}
	return tables, nil
}

// row holds the columns that are to be set.
func (t FlowTable) row() Row {
	row := Row{}
	if t.Name != "" {
		row["name"] = Scalar(String(t.Name))
	}
	if t.Prefixes != nil {
		row["prefixes"] = Strings(t.Prefixes...)
	}
	return row
}
