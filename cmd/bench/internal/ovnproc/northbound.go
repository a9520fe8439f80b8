package ovnproc

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"time"
)

// Northbound is a connection to the northbound database that stays, as a management system has
// it: a tool of OVN that is started for a change would cost more than the change. It is for one
// caller at a time, and of no use after an error.
type Northbound struct {
	ovn    *OVN // nobody is to wait for what will not come
	conn   net.Conn
	answer *json.Decoder
	asked  int // requests so far
}

// Operation is one of RFC 7047 §5.2.
type Operation map[string]any

// Result is what came of an operation.
type Result struct {
	UUID           []string         // ["uuid", UUID] of an inserted row
	Rows           []map[string]any // of a select, by column
	Error, Details string
}

// Northbound connects when ovn-northd is at work.
func (o *OVN) Northbound(ctx context.Context) (*Northbound, error) {
	if err := o.Nbctl(ctx, "--wait=sb", "sync"); err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(o.database("nb"), "unix:"))
	if err != nil {
		return nil, err
	}
	return &Northbound{ovn: o, conn: conn, answer: json.NewDecoder(conn)}, nil
}

// Close ends the connection.
func (n *Northbound) Close() error { return n.conn.Close() }

// Stages of a transaction, by the columns of NB_Global that say that it is there.
const (
	Translated = "sb_cfg" // ovn-northd has made logical flows of it
	InForce    = "hv_cfg" // and ovn-controller has the bridge do as they say
)

// Apply commits operations in one transaction, and returns when it is at a stage.
func (n *Northbound) Apply(ctx context.Context, stage string, operations ...Operation) ([]Result, error) {
	everywhere := []any{}
	results, err := n.transact(ctx, append(operations,
		Operation{"op": "mutate", "table": "NB_Global", "where": everywhere, "mutations": []any{[]any{"nb_cfg", "+=", 1}}},
		Operation{"op": "select", "table": "NB_Global", "where": everywhere, "columns": []string{"nb_cfg"}})...)
	if err != nil {
		return nil, err
	}
	now := results[len(results)-1].Rows[0]["nb_cfg"]
	return results, n.Await(ctx, "NB_Global", everywhere, stage, now)
}

// Await returns when a column has a value in the rows of a table that a condition selects.
func (n *Northbound) Await(ctx context.Context, table string, where []any, column string, value any) error {
	_, err := n.transact(ctx, Operation{
		"op": "wait", "table": table, "where": where, "columns": []string{column}, "until": "==", "rows": []any{map[string]any{column: value}},
	})
	return err
}

func (n *Northbound) transact(ctx context.Context, operations ...Operation) ([]Result, error) {
	params := []any{"OVN_Northbound"}
	for _, o := range operations {
		params = append(params, o)
	}
	said, err := n.call(ctx, "transact", params)
	if err != nil {
		return nil, err
	}
	var results []Result
	if err := json.Unmarshal(said, &results); err != nil {
		return nil, fmt.Errorf("ovsdb-server says %.200s: %w", said, err)
	}
	for i, r := range results {
		if r.Error != "" {
			return nil, fmt.Errorf("operation %d of %d of OVN's northbound database: %s: %s", i+1, len(operations), r.Error, r.Details)
		}
	}
	return results, nil
}

// message is a request, an answer or, without an id, a notice of RFC 7047 §4.
type message struct {
	ID     any             `json:"id"`
	Method string          `json:"method,omitempty"`
	Params []any           `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  any             `json:"error,omitempty"`
}

func (n *Northbound) call(ctx context.Context, method string, params []any) (json.RawMessage, error) {
	giveUp := func() { _ = n.conn.SetDeadline(time.Unix(1, 0)) }
	defer context.AfterFunc(ctx, giveUp)()
	defer context.AfterFunc(n.ovn.alive, giveUp)()
	failed := func(err error) error {
		return cmp.Or(ctx.Err(), n.ovn.died(), fmt.Errorf("OVN's northbound database: %w", err))
	}
	n.asked++
	if err := json.NewEncoder(n.conn).Encode(message{ID: n.asked, Method: method, Params: params}); err != nil {
		return nil, failed(err)
	}
	for {
		var m message
		if err := n.answer.Decode(&m); err != nil {
			return nil, failed(err)
		}
		switch {
		case m.Method == "echo": // the server asks who is silent for long whether he is there
			if err := json.NewEncoder(n.conn).Encode(message{ID: m.ID, Result: json.RawMessage("[]")}); err != nil {
				return nil, failed(err)
			}
		case m.ID == float64(n.asked) && m.Error != nil:
			return nil, failed(fmt.Errorf("%v", m.Error))
		case m.ID == float64(n.asked):
			return m.Result, nil
		}
	}
}
