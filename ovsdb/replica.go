package ovsdb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// replica holds the monitored columns of a database as the server has them.
type replica struct {
	columns map[string]map[string]ColumnType // table → column → type
	rows    map[string]map[UUID]Row
}

// newReplica checks the wanted columns (table → names) against the schema.
func newReplica(schema *Schema, want map[string][]wanted) (*replica, error) {
	r := &replica{columns: map[string]map[string]ColumnType{}, rows: map[string]map[UUID]Row{}}
	for table, columns := range want {
		r.columns[table], r.rows[table] = map[string]ColumnType{}, map[UUID]Row{}
		for _, w := range columns {
			t, err := schema.Column(table, w.name)
			if err != nil {
				return nil, err
			}
			if t.Key != w.key || t.Val != w.val {
				return nil, fmt.Errorf("column %s.%s has the type %s/%s, not %s/%s", table, w.name, t.Key, t.Val, w.key, w.val)
			}
			r.columns[table][w.name] = t
		}
	}
	return r, nil
}

// wanted is a column and the type that the code reading it relies on.
type wanted struct {
	name     string
	key, val Kind
}

// requests are the <monitor-cond-requests> for the replica.
func (r *replica) requests() map[string]any {
	all := map[string]any{}
	for table, columns := range r.columns {
		names := []string{}
		for name := range maps.Keys(columns) {
			names = append(names, name)
		}
		all[table] = []any{map[string]any{"columns": names}}
	}
	return all
}

// apply carries out <table-updates2>, ovsdb-server(7) §4.1.14. After an error
// the replica is of no further use.
func (r *replica) apply(raw json.RawMessage) error {
	var updates map[string]map[string]map[string]map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&updates); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	for table, rows := range updates {
		if _, ok := r.columns[table]; !ok {
			return fmt.Errorf("update of table %s, which is not monitored", table)
		}
		for id, update := range rows {
			uuid, err := parseUUID(id)
			if err != nil {
				return fmt.Errorf("update of table %s: %w", table, err)
			}
			if err := r.applyRow(table, uuid, update); err != nil {
				return fmt.Errorf("update of %s %s: %w", table, uuid, err)
			}
		}
	}
	return nil
}

// applyRow carries out a <row-update2>.
func (r *replica) applyRow(table string, uuid UUID, update map[string]map[string]any) error {
	if len(update) != 1 {
		return fmt.Errorf("%d members instead of one", len(update))
	}
	old, exists := r.rows[table][uuid]
	for kind, columns := range update {
		if fresh := kind == "initial" || kind == "insert"; fresh == exists {
			return fmt.Errorf("%s: the row exists: %v", kind, exists)
		}
		var row Row
		var err error
		switch kind {
		case "initial", "insert":
			row, err = r.newRow(table, columns)
		case "modify":
			row, err = r.modified(table, old, columns)
		case "delete":
			delete(r.rows[table], uuid)
			return nil
		default:
			return fmt.Errorf("unknown kind of update %q", kind)
		}
		if err != nil {
			return err
		}
		r.rows[table][uuid] = row
	}
	return nil
}

// newRow makes a row from the columns that are not at their default.
func (r *replica) newRow(table string, columns map[string]any) (Row, error) {
	row := make(Row, len(r.columns[table]))
	for name, t := range r.columns[table] {
		row[name] = t.defaultValue()
	}
	for name, v := range columns {
		t, ok := r.columns[table][name]
		if !ok {
			return nil, fmt.Errorf("column %s is not monitored", name)
		}
		value, err := decodeValue(v, t, true)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		row[name] = value
	}
	return row, nil
}

// modified is the row old after differences were applied.
func (r *replica) modified(table string, old Row, columns map[string]any) (Row, error) {
	row := maps.Clone(old)
	for name, v := range columns {
		t, ok := r.columns[table][name]
		if !ok {
			return nil, fmt.Errorf("column %s is not monitored", name)
		}
		diff, err := decodeValue(v, t, false)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		if row[name], err = old[name].apply(diff, t); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
	}
	return row, nil
}
