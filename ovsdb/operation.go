package ovsdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Row maps column names to their values.
type Row map[string]Value

// Operation is one operation of a transaction, RFC 7047 §5.2.
type Operation struct {
	op      string
	table   string
	members map[string]any
}

// Condition selects rows, for example {"name", "==", Scalar(String("br-int"))}.
type Condition struct {
	Column, Function string
	Value            Value
}

// Named is the condition that the column name is s.
func Named(s string) Condition { return Condition{"name", "==", Scalar(String(s))} }

// anyRow is the condition that every row meets.
var anyRow = Condition{"_uuid", "!=", Scalar(zeroAtom(KindUUID))}

// Is is the condition for one row.
func Is(u UUID) Condition { return Condition{"_uuid", "==", Scalar(Ref(u))} }

// MarshalJSON writes a <condition>.
func (c Condition) MarshalJSON() ([]byte, error) {
	return json.Marshal([3]any{c.Column, c.Function, c.Value})
}

// Mutation changes a column in place, for example
// {"ports", "insert", Scalar(NamedRef("p"))}.
type Mutation struct {
	Column, Mutator string
	Value           Value
}

// MarshalJSON writes a <mutation>.
func (m Mutation) MarshalJSON() ([]byte, error) {
	return json.Marshal([3]any{m.Column, m.Mutator, m.Value})
}

// Insert adds a row. A name, if not empty, is for NamedRef.
func Insert(table, name string, row Row) Operation {
	o := Operation{"insert", table, map[string]any{"row": row}}
	if name != "" {
		o.members["uuid-name"] = name
	}
	return o
}

// Update sets columns of the rows that meet all conditions.
func Update(table string, row Row, where ...Condition) Operation {
	return Operation{"update", table, map[string]any{"row": row, "where": conditions(where)}}
}

// Mutate changes columns of one row in place.
func Mutate(table string, where Condition, m ...Mutation) Operation {
	return Operation{"mutate", table, map[string]any{"mutations": m, "where": conditions([]Condition{where})}}
}

// Select reads columns of the rows that meet all conditions.
func Select(table string, columns []string, where ...Condition) Operation {
	return Operation{"select", table, map[string]any{"columns": columns, "where": conditions(where)}}
}

// waitUntilChanged is a wait that ends when the columns of old (of all rows)
// differ from it, and fails as "timed out" after at most the time given.
func waitUntilChanged(table string, old Row, most time.Duration) Operation {
	return Operation{"wait", table, map[string]any{
		"timeout": most.Milliseconds(),
		"columns": slices.Sorted(maps.Keys(old)),
		"until":   "!=",
		"rows":    []Row{old},
		"where":   conditions(nil),
	}}
}

// conditions are an array in JSON, also if there are none.
func conditions(where []Condition) []Condition { return append([]Condition{}, where...) }

// Comment puts a line into the database's log.
func Comment(s string) Operation {
	return Operation{op: "comment", members: map[string]any{"comment": s}}
}

// MarshalJSON writes an <operation>.
func (o Operation) MarshalJSON() ([]byte, error) {
	all := map[string]any{"op": o.op}
	if o.table != "" {
		all["table"] = o.table
	}
	for k, v := range o.members {
		all[k] = v
	}
	return json.Marshal(all)
}

// Result is what an operation gave.
type Result struct {
	Count int64 // rows that an Update or Mutate met
	UUID  UUID  // of the row inserted
	Rows  []Row // selected
}

// decodeResults reads the answer of a transact: a result per operation, null
// for those after a failure, and maybe one more with the error of the commit.
func decodeResults(raw []byte, ops []Operation, schema *Schema) ([]Result, error) {
	var in []json.RawMessage
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	if len(in) < len(ops) || len(in) > len(ops)+1 {
		return nil, fmt.Errorf("%d results of %d operations", len(in), len(ops))
	}
	results := make([]Result, len(ops))
	for i, one := range in {
		op := Operation{op: "commit"}
		if i < len(ops) {
			op = ops[i]
		}
		r, err := decodeResult(one, op, schema)
		if err != nil {
			var failed *TransactError
			if errors.As(err, &failed) {
				failed.Index = i
			}
			return nil, err
		}
		if i < len(ops) {
			results[i] = r
		}
	}
	return results, nil
}

func decodeResult(raw json.RawMessage, op Operation, schema *Schema) (Result, error) {
	if bytes.Equal(raw, []byte("null")) {
		return Result{}, fmt.Errorf("no result of operation %s, nor an error before it", op.op)
	}
	// An <error> may have members of its own beside these.
	var failed struct{ Error, Details, Syntax string }
	if err := json.Unmarshal(raw, &failed); err == nil && failed.Error != "" {
		e := &TransactError{Op: op.op, Code: failed.Error, Details: failed.Details}
		if failed.Syntax != "" {
			e.Details = fmt.Sprintf("%s: %s", failed.Syntax, failed.Details)
		}
		return Result{}, e
	}
	var in struct {
		Count int64
		UUID  any
		Rows  []map[string]any
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return Result{}, fmt.Errorf("result of operation %s: %w", op.op, err)
	}
	r := Result{Count: in.Count}
	if in.UUID != nil {
		a, err := decodeAtom(in.UUID, KindUUID)
		if err != nil {
			return Result{}, fmt.Errorf("result of operation %s: %w", op.op, err)
		}
		r.UUID = UUID(a.s)
	}
	for _, columns := range in.Rows {
		row, err := decodeRow(columns, op.table, schema)
		if err != nil {
			return Result{}, fmt.Errorf("result of operation %s: %w", op.op, err)
		}
		r.Rows = append(r.Rows, row)
	}
	return r, nil
}

// decodeRow reads a <row> with the types of its table.
func decodeRow(columns map[string]any, table string, schema *Schema) (Row, error) {
	row := make(Row, len(columns))
	for name, v := range columns {
		t, err := schema.Column(table, name)
		if err != nil {
			return nil, err
		}
		if row[name], err = decodeValue(v, t, true); err != nil {
			return nil, fmt.Errorf("column %s.%s: %w", table, name, err)
		}
	}
	return row, nil
}
