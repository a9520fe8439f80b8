package ovsdb

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Unlimited is the Max of a column that may hold any number of elements.
const Unlimited = math.MaxInt

// Schema is what a <database-schema> (RFC 7047 §3.2) says about types.
type Schema struct {
	Name    string
	Version string
	tables  map[string]map[string]ColumnType
}

// ColumnType is the type of a column.
type ColumnType struct {
	Key      Kind
	Val      Kind // KindNone unless it is a map
	Min, Max int  // number of elements; Max may be Unlimited
}

// IsMap tells maps from sets.
func (t ColumnType) IsMap() bool { return t.Val != KindNone }

func (t ColumnType) sizes() string {
	if t.Max == Unlimited {
		return fmt.Sprintf("%d or more", t.Min)
	}
	return fmt.Sprintf("%d to %d", t.Min, t.Max)
}

// defaultValue is what a column holds that an update leaves out.
func (t ColumnType) defaultValue() Value {
	v := Value{isMap: t.IsMap()}
	if t.Min > 0 {
		v.keys = []Atom{zeroAtom(t.Key)}
		if t.IsMap() {
			v.vals = []Atom{zeroAtom(t.Val)}
		}
	}
	return v
}

// Column returns the type of a column. Each row also has the columns _uuid
// and _version. A table or column that does not exist is an error.
func (s *Schema) Column(table, column string) (ColumnType, error) {
	columns, ok := s.tables[table]
	if !ok {
		return ColumnType{}, fmt.Errorf("database %s %s has no table %s", s.Name, s.Version, table)
	}
	t, ok := columns[column]
	if !ok {
		return ColumnType{}, fmt.Errorf("table %s of database %s %s has no column %s", table, s.Name, s.Version, column)
	}
	return t, nil
}

// parseSchema reads the answer of get_schema. What it does not need (indexes,
// enumerations, ranges) it leaves to the server.
func parseSchema(raw []byte) (*Schema, error) {
	var in struct {
		Name    string
		Version string
		Tables  map[string]struct {
			Columns map[string]struct {
				Type json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if in.Name == "" || len(in.Tables) == 0 {
		return nil, fmt.Errorf("schema: no name or no tables")
	}
	s := &Schema{Name: in.Name, Version: in.Version, tables: make(map[string]map[string]ColumnType, len(in.Tables))}
	one := ColumnType{Key: KindUUID, Min: 1, Max: 1}
	for table, t := range in.Tables {
		columns := map[string]ColumnType{"_uuid": one, "_version": one}
		for column, c := range t.Columns {
			typ, err := parseType(c.Type)
			if err != nil {
				return nil, fmt.Errorf("schema: column %s.%s: %w", table, column, err)
			}
			columns[column] = typ
		}
		s.tables[table] = columns
	}
	return s, nil
}

// parseType reads a <type>: an atomic type's name or an object.
func parseType(raw json.RawMessage) (t ColumnType, err error) {
	t = ColumnType{Min: 1, Max: 1}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		t.Key, err = parseKind(name)
		return t, err
	}
	var in struct {
		Key, Value, Min, Max json.RawMessage
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return ColumnType{}, err
	}
	if t.Key, err = parseBaseType(in.Key); err != nil {
		return ColumnType{}, err
	}
	if in.Value != nil {
		if t.Val, err = parseBaseType(in.Value); err != nil {
			return ColumnType{}, err
		}
	}
	if in.Min != nil {
		if t.Min, err = parseSize(in.Min); err != nil {
			return ColumnType{}, err
		}
	}
	if in.Max != nil {
		if t.Max, err = parseSize(in.Max); err != nil {
			return ColumnType{}, err
		}
	}
	if t.Min > 1 || t.Max < 1 {
		return ColumnType{}, fmt.Errorf("%s elements", t.sizes())
	}
	return t, nil
}

// parseBaseType reads a <base-type>: a name or an object with a "type".
func parseBaseType(raw json.RawMessage) (Kind, error) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return parseKind(name)
	}
	var in struct{ Type string }
	if err := json.Unmarshal(raw, &in); err != nil {
		return KindNone, err
	}
	return parseKind(in.Type)
}

func parseSize(raw json.RawMessage) (int, error) {
	if string(raw) == `"unlimited"` {
		return Unlimited, nil
	}
	n, err := strconv.ParseUint(string(raw), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s is no number of elements", raw)
	}
	return int(n), nil
}
