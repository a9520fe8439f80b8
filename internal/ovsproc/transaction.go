package ovsproc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// operation is one of RFC 7047 §5.2.
type operation map[string]any

// transaction is operations that take effect as one, and what is there when the
// next of them is made. Rows are named as the database names them, or, if this
// transaction makes them, as it does.
type transaction struct {
	socket         string
	bridges, ports map[string]any // rows by their name
	operations     []operation
	err            error // the first
}

type result struct {
	Rows           []map[string]json.RawMessage // by column
	Error, Details string
}

func begin(ctx context.Context, socket string) (*transaction, error) {
	there, err := transact(ctx, socket, read("Bridge", ".", "_uuid", "name"), read("Port", ".", "_uuid", "name"))
	if err != nil {
		return nil, err
	}
	byName := func(r result) map[string]any {
		named := map[string]any{}
		for _, row := range r.Rows {
			named[text(row["name"])] = row["_uuid"]
		}
		return named
	}
	return &transaction{socket: socket, bridges: byName(there[0]), ports: byName(there[1])}, nil
}

func (t *transaction) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

func (t *transaction) add(kind, table string, more operation) {
	more["op"], more["table"] = kind, table
	t.operations = append(t.operations, more)
}

// insert adds a row, and returns it.
func (t *transaction) insert(table string, columns map[string]any) any {
	name := fmt.Sprintf("row%d", len(t.operations))
	t.add("insert", table, operation{"row": columns, "uuid-name": name})
	return []any{"named-uuid", name}
}

// insertPort adds a port that has one interface, with columns.
func (t *transaction) insertPort(name string, columns map[string]any) any {
	columns["name"] = name
	t.ports[name] = t.insert("Port", map[string]any{"name": name, "interfaces": t.insert("Interface", columns)})
	return t.ports[name]
}

// update sets columns of the row of that name, or "." of a table of one row.
func (t *transaction) update(table, name string, columns map[string]any) {
	if len(columns) > 0 {
		t.add("update", table, operation{"where": where(name), "row": columns})
	}
}

// put sets keys of a column.
func (t *transaction) put(table, name, column string, to map[string]string) {
	var keys, pairs []any
	for k, v := range to {
		keys, pairs = append(keys, k), append(pairs, []any{k, v})
	}
	if len(keys) > 0 {
		t.add("mutate", table, operation{"where": where(name), "mutations": []any{
			[]any{column, "delete", []any{"set", keys}}, []any{column, "insert", []any{"map", pairs}},
		}})
	}
}

func (t *transaction) mutate(table, name, column, how string, value any) {
	t.add("mutate", table, operation{"where": where(name), "mutations": []any{[]any{column, how, value}}})
}

func (t *transaction) delete(table, name string) {
	t.add("delete", table, operation{"where": where(name)})
}

// commit returns when ovs-vswitchd has carried it out: next_cfg counts what was
// asked of it, and cur_cfg says how far it is.
func (t *transaction) commit(ctx context.Context) error {
	if t.err != nil {
		return t.err
	}
	t.mutate("Open_vSwitch", ".", "next_cfg", "+=", 1)
	state := read("Open_vSwitch", ".", "next_cfg", "cur_cfg")
	results, err := transact(ctx, t.socket, append(t.operations, state)...)
	if err != nil {
		return err
	}
	now := results[len(t.operations)].Rows[0]
	next := number(now["next_cfg"])
	for number(now["cur_cfg"]) < next {
		// A server asks who is silent for 5 s whether he is there.
		wait := operation{
			"op": "wait", "table": "Open_vSwitch", "where": where("."), "timeout": 3000,
			"columns": []string{"cur_cfg"}, "until": "!=", "rows": []any{map[string]any{"cur_cfg": now["cur_cfg"]}},
		}
		results, err := transact(ctx, t.socket, wait, state)
		switch {
		case errors.Is(err, errTimedOut):
		case err != nil:
			return err
		default:
			now = results[1].Rows[0]
		}
	}
	return nil
}

var errTimedOut = errors.New("timed out")

// read selects columns of the rows of that name, or "." of all.
func read(table, name string, columns ...string) operation {
	return operation{"op": "select", "table": table, "where": where(name), "columns": columns}
}

// where is the condition for the row of that name, or for any.
func where(name string) []any {
	if name == "." {
		return []any{}
	}
	return []any{[]any{"name", "==", name}}
}

// text is a value that is a string, or its JSON.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	return s
}

// number is a value that is one, or -1.
func number(value json.RawMessage) int {
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return -1
	}
	return n
}

// transact carries out operations as one, at the socket of an ovsdb-server. A
// tool of Open vSwitch that is started for it costs thirty times as much, nearly
// all of it for loading its libraries. Package ovsdb changes what the controller
// has to, and no more: it would need all that is here besides, by its library's
// types, and its own tests run on this package.
func transact(ctx context.Context, socket string, operations ...operation) (results []result, err error) {
	defer func() {
		if err != nil && !errors.Is(err, errTimedOut) {
			err = fmt.Errorf("ovsproc: operations %v: %w", operations, err)
		}
	}()
	c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	params := []any{"Open_vSwitch"}
	for _, o := range operations {
		params = append(params, o)
	}
	if err := json.NewEncoder(c).Encode(map[string]any{"id": 0, "method": "transact", "params": params}); err != nil {
		return nil, err
	}
	var answer struct {
		Result []result
		Error  any
	}
	if err := json.NewDecoder(c).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != nil {
		return nil, fmt.Errorf("%v", answer.Error)
	}
	for _, r := range answer.Result {
		switch {
		case r.Error == errTimedOut.Error():
			return nil, errTimedOut
		case r.Error != "":
			return nil, fmt.Errorf("%s: %s", r.Error, r.Details)
		}
	}
	return answer.Result, nil
}
