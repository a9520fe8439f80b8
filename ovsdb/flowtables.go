package ovsdb

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
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

func (c *Client) setFlowTables(ctx context.Context, bridge string, tables map[uint8]FlowTable) error {
	s, err := c.connect(ctx)
	if err != nil {
		return err
	}
	most, err := mostPrefixes(s.schema)
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
	refs, _ := b["flow_tables"].(map[int]string)
	var ops []ovsdb.Operation
	for _, n := range slices.Sorted(maps.Keys(tables)) {
		if len(tables[n].Prefixes) > most {
			return fmt.Errorf("table %d: %d prefixes, where at most %d are allowed", n, len(tables[n].Prefixes), most)
		}
		uuid, exists := refs[int(n)]
		want := tables[n].differing(existing[UUID(uuid)])
		switch {
		case len(want) == 0:
		case exists:
			ops = append(ops, update("Flow_Table", equalTo(UUID(uuid)), want))
		default:
			name := fmt.Sprintf("table%d", n)
			ops = append(ops, insert("Flow_Table", name, want),
				mutate("Bridge", equalTo(b.uuid()), mutation("flow_tables", ovsdb.MutateOperationInsert, dict(map[int]ovsdb.UUID{int(n): ref(UUID(name))}))))
		}
	}
	return c.configure(ctx, "set flow tables of "+bridge, ops...)
}

// mostPrefixes is how many prefixes a table may track.
func mostPrefixes(schema ovsdb.DatabaseSchema) (int, error) {
	if t := schema.Table("Flow_Table"); t != nil {
		if c := t.Column("prefixes"); c != nil && c.TypeObj != nil {
			return c.TypeObj.Max(), nil
		}
	}
	return 0, fmt.Errorf("database %s %s tracks no prefixes of flow tables", schema.Name, schema.Version)
}

// flowTables reads all flow tables' rows.
func (c *Client) flowTables(ctx context.Context) (map[UUID]row, error) {
	rows, err := c.rows(ctx, "Flow_Table", []string{"_uuid", "name", "prefixes"})
	if err != nil {
		return nil, err
	}
	tables := make(map[UUID]row, len(rows))
	for _, r := range rows {
		tables[r.uuid()] = r
	}
	return tables, nil
}

// differing holds the columns that are to be set and are not so in a row.
func (t FlowTable) differing(has row) ovsdb.Row {
	r := ovsdb.Row{}
	if t.Name != "" && has.text("name") != t.Name {
		r["name"] = t.Name
	}
	if t.Prefixes != nil && !slices.Equal(has.texts("prefixes"), slices.Sorted(slices.Values(t.Prefixes))) {
		r["prefixes"] = set(t.Prefixes...)
	}
	return r
}
