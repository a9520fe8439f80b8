// Package ovsdb follows a bridge and its interfaces in the database of Open
// vSwitch (ovs-vswitchd.conf.db(5)), and makes the few changes that Ringfence
// needs. The protocol (RFC 7047, ovsdb-server(7)) and the replica are libovsdb's.
package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

const (
	// database is the one database that ovs-vswitchd works from.
	database = "Open_vSwitch"
	// probeInterval is how often the server is asked whether it is there.
	probeInterval = 5 * time.Second
)

// Client runs transactions. It connects again when it has to: when the
// connection was lost, or a call was not answered in its time. It sends no probe,
// as the server answers nothing while it is busy with a large transaction. Safe
// for concurrent use.
type Client struct {
	addr string

	mu      sync.Mutex
	session *session
	closed  bool
}

// Dial connects to an ovsdb-server at "unix:PATH" or "tcp:HOST:PORT" that has
// the database Open_vSwitch.
func Dial(ctx context.Context, addr string) (*Client, error) {
	c := &Client{addr: addr}
	if _, err := c.connect(ctx); err != nil {
		return nil, opError(err, "connect to %s", addr)
	}
	return c, nil
}

// Close closes the connection. Later calls fail.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.session != nil {
		c.session.end(errors.New("client is closed"))
	}
	return nil
}

// connect returns the living session, or makes one.
func (c *Client) connect(ctx context.Context) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.New("client is closed")
	}
	if c.session != nil && c.session.ended() == nil {
		return c.session, nil
	}
	s, err := openSession(ctx, c.addr, func(*session) {})
	if err != nil {
		return nil, err
	}
	c.session = s
	return s, nil
}

// transact runs operations in one transaction: all take effect or none. The
// error of an operation is a *TransactError. After ErrOutcomeUnknown it may
// have been committed or not.
func (c *Client) transact(ctx context.Context, ops ...ovsdb.Operation) ([]ovsdb.OperationResult, error) {
	s, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkColumns(s.schema, ops); err != nil {
		return nil, err
	}
	var results []ovsdb.OperationResult
	if err := s.call(ctx, "transact", ovsdb.NewTransactArgs(database, ops...), &results); err != nil {
		if ctx.Err() != nil {
			s.fail(ErrSilent) // the next call tries a new connection
		}
		return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return results, refusal(ops, results)
}

// checkColumns refuses operations on tables and columns that this database does not
// have. The server would do so too, in words that do not name the column.
func checkColumns(schema ovsdb.DatabaseSchema, ops []ovsdb.Operation) error {
	for i, op := range ops {
		if op.Table == "" {
			continue
		}
		table := schema.Table(op.Table)
		if table == nil {
			return &TransactError{Index: i, Op: op.Op, Code: "syntax error", Details: "no table named " + op.Table}
		}
		for column := range op.Row {
			if table.Column(column) == nil {
				return &TransactError{Index: i, Op: op.Op, Code: "unknown column", Details: "no column " + column + " in table " + op.Table}
			}
		}
	}
	return nil
}

// refusal is the error in the results of a transaction: one per operation, empty
// for those after a failure, and maybe one more with the error of the commit.
func refusal(ops []ovsdb.Operation, results []ovsdb.OperationResult) error {
	if len(results) < len(ops) || len(results) > len(ops)+1 {
		return fmt.Errorf("%d results of %d operations", len(results), len(ops))
	}
	for i, r := range results {
		if r.Error == "" {
			continue
		}
		e := &TransactError{Index: i, Op: ovsdb.OperationCommit, Code: r.Error, Details: r.Details}
		if i < len(ops) {
			e.Op = ops[i].Op
		}
		return e
	}
	return nil
}
