package ovsdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// The operations of RFC 7047 §5.2 that are used here, and the values in them.

// named is the condition that the column name is s.
func named(s string) ovsdb.Condition { return where("name", ovsdb.ConditionEqual, s) }

// anyRow is the condition that every row meets.
func anyRow() ovsdb.Condition {
	return where("_uuid", ovsdb.ConditionNotEqual, ref("00000000-0000-0000-0000-000000000000"))
}

// equalTo is the condition for one row.
func equalTo(u UUID) ovsdb.Condition { return where("_uuid", ovsdb.ConditionEqual, ref(u)) }

func where(column string, f ovsdb.ConditionFunction, value any) ovsdb.Condition {
	return ovsdb.Condition{Column: column, Function: f, Value: value}
}

// ref refers to a row, by its UUID or by what an insert of the same transaction
// calls it.
func ref(u UUID) ovsdb.UUID { return ovsdb.UUID{GoUUID: string(u)} }

// set is a set of values.
func set[T any](values ...T) ovsdb.OvsSet {
	s := ovsdb.OvsSet{GoSet: make([]any, len(values))}
	for i, v := range values {
		s.GoSet[i] = v
	}
	return s
}

// dict is a map of values.
func dict[K comparable, V any](m map[K]V) ovsdb.OvsMap {
	d := ovsdb.OvsMap{GoMap: make(map[any]any, len(m))}
	for k, v := range m {
		d.GoMap[k] = v
	}
	return d
}

// insert adds a row, called name in this transaction.
func insert(table, name string, r ovsdb.Row) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationInsert, Table: table, UUIDName: name, Row: r}
}

// update sets columns of one row.
func update(table string, one ovsdb.Condition, r ovsdb.Row) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationUpdate, Table: table, Where: []ovsdb.Condition{one}, Row: r}
}

// mutate changes columns of rows in place.
func mutate(table string, rows ovsdb.Condition, m ...ovsdb.Mutation) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationMutate, Table: table, Where: []ovsdb.Condition{rows}, Mutations: m}
}

func mutation(column string, how ovsdb.Mutator, value any) ovsdb.Mutation {
	return ovsdb.Mutation{Column: column, Mutator: how, Value: value}
}

// selectFrom reads columns of rows.
func selectFrom(table string, columns []string, rows ...ovsdb.Condition) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationSelect, Table: table, Columns: columns, Where: rows}
}

// waitUntilChanged is a wait that ends when the columns of the only row differ
// from old, and fails as "timed out" after at most the time given.
func waitUntilChanged(table string, old ovsdb.Row, most time.Duration) ovsdb.Operation {
	ms := int(most.Milliseconds())
	return ovsdb.Operation{
		Op: ovsdb.OperationWait, Table: table, Timeout: &ms, Until: string(ovsdb.WaitConditionNotEqual),
		Columns: slices.Sorted(maps.Keys(old)), Rows: []ovsdb.Row{old}, Where: []ovsdb.Condition{anyRow()},
	}
}

// comment puts a line into the database's log.
func comment(s string) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationComment, Comment: &s}
}

// row is a row that was selected, its values in Go's types: a set is a slice,
// an optional one a pointer.
type row map[string]any

// rows reads columns of the rows that meet all conditions.
func (c *Client) rows(ctx context.Context, table string, columns []string, conditions ...ovsdb.Condition) ([]row, error) {
	s, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	results, err := c.transact(ctx, selectFrom(table, columns, conditions...))
	if err != nil {
		return nil, err
	}
	var out []row
	for _, raw := range results[0].Rows {
		r := row{}
		for column, v := range raw {
			t := s.schema.Table(table).Column(column)
			if t == nil {
				return nil, fmt.Errorf("table %s has no column %s", table, column)
			}
			if r[column], err = ovsdb.OvsToNative(t, v); err != nil {
				return nil, fmt.Errorf("column %s.%s: %w", table, column, err)
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// uuid is the row's name, if its column _uuid was selected.
func (r row) uuid() UUID { return UUID(r.text("_uuid")) }

// text is a string or an optional one; empty if unset.
func (r row) text(column string) string {
	if p, ok := r[column].(*string); ok {
		return value(p)
	}
	s, _ := r[column].(string)
	return s
}

// number is an integer or an optional one.
func (r row) number(column string) int {
	if p, ok := r[column].(*int); ok {
		return value(p)
	}
	n, _ := r[column].(int)
	return n
}

// texts are strings, sorted.
func (r row) texts(column string) []string {
	s, _ := r[column].([]string)
	return slices.Sorted(slices.Values(s))
}
