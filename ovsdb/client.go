// Package ovsdb is a client of the database of Open vSwitch (RFC 7047,
// ovsdb-server(7), ovs-vswitchd.conf.db(5)): it follows a bridge and its
// interfaces, and makes the few changes that Ringfence needs.
package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// database is the one database that ovs-vswitchd works from.
	database = "Open_vSwitch"
	// probeInterval is the silence after which the server is asked whether it
	// is there; twice that, and it is not.
	probeInterval = 5 * time.Second
)

// Client runs transactions. It connects again when it has to. Safe for
// concurrent use.
type Client struct {
	addr string

	mu      sync.Mutex
	session *session
	schema  *Schema // of the session
	closed  bool
}

// Dial connects to an ovsdb-server at "unix:PATH" or "tcp:HOST:PORT" that has
// the database Open_vSwitch.
func Dial(ctx context.Context, addr string) (*Client, error) {
	c := &Client{addr: addr}
	if _, _, err := c.connect(ctx); err != nil {
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
		c.session.close(errors.New("client is closed"))
	}
	return nil
}

// Schema returns the types of the database's tables and columns.
func (c *Client) Schema(ctx context.Context) (*Schema, error) {
	_, schema, err := c.connect(ctx)
	return schema, opError(err, "get schema")
}

// Transact runs operations in one transaction: all take effect or none. The
// error of an operation is a *TransactError. After ErrOutcomeUnknown it may
// have been committed or not.
func (c *Client) Transact(ctx context.Context, ops ...Operation) ([]Result, error) {
	results, err := c.transact(ctx, ops)
	return results, opError(err, "transact")
}

func (c *Client) transact(ctx context.Context, ops []Operation) ([]Result, error) {
	s, schema, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	params := []any{database}
	for _, op := range ops {
		params = append(params, op)
	}
	raw, err := s.call(ctx, "transact", params...)
	var refused *RPCError
	if err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	if err != nil {
		return nil, err
	}
	return decodeResults(raw, ops, schema)
}

// connect returns the living session, or makes one.
func (c *Client) connect(ctx context.Context) (*session, *Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, errors.New("client is closed")
	}
	if c.session != nil && c.session.ended() == nil {
		return c.session, c.schema, nil
	}
	s, err := dial(ctx, c.addr, probeInterval, func(string, json.RawMessage) error { return nil })
	if err != nil {
		return nil, nil, err
	}
	schema, err := getSchema(ctx, s)
	if err != nil {
		s.close(err)
		return nil, nil, err
	}
	c.session, c.schema = s, schema
	return s, schema, nil
}

// getSchema asks for the schema of the database.
func getSchema(ctx context.Context, s *session) (*Schema, error) {
	raw, err := s.call(ctx, "get_schema", database)
	if err != nil {
		return nil, err
	}
	return parseSchema(raw)
}
