package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/cenkalti/rpc2"
	"github.com/cenkalti/rpc2/jsonrpc"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// connectTimeout limits connecting and asking for the schema.
const connectTimeout = 10 * time.Second

// writeTimeout is how long the server may take to read a request.
const writeTimeout = 10 * time.Second

// session is one connection. It is used as long as it lives and then never
// again: what went while there was none is found by comparing snapshots.
//
// The protocol, its types and the replica are libovsdb's, on the JSON-RPC that
// libovsdb uses. Its package client is not used: it keeps errors of updates to
// itself, tells of no row that went during a reconnect, has a probe that panics
// when the server stops, cannot be closed while a call hangs, and brings a test
// library into every program that imports it.
type session struct {
	rpc    *rpc2.Client
	schema ovsdb.DatabaseSchema
	ctx    context.Context // ends with the session; its cause is why
	fail   context.CancelCauseFunc
	closed chan struct{} // nothing of it runs any more
}

// openSession connects to a server that has the database Open_vSwitch. handle
// registers for notifications, which are handled one after the other.
func openSession(ctx context.Context, addr string, handle func(*session)) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	network, address, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := &session{rpc: rpc2.NewClientWithCodec(jsonrpc.NewJSONCodec(impatient{nc})), closed: make(chan struct{})}
	s.ctx, s.fail = context.WithCancelCause(context.Background())
	s.rpc.SetBlocking(true)
	s.rpc.Handle("echo", func(_ *rpc2.Client, args []any, reply *[]any) error {
		*reply = args
		return nil
	})
	handle(s)
	go s.read()
	context.AfterFunc(s.ctx, func() { _ = nc.Close() })
	if err := s.call(ctx, "get_schema", ovsdb.NewGetSchemaArgs(database), &s.schema); err != nil {
		s.end(err)
		return nil, err
	}
	return s, nil
}

// splitAddr reads an active connection method of ovsdb(7).
func splitAddr(addr string) (network, address string, err error) {
	network, address, _ = strings.Cut(addr, ":")
	if network != "unix" && network != "tcp" || address == "" {
		return "", "", fmt.Errorf("address %q is neither unix:PATH nor tcp:HOST:PORT", addr)
	}
	return network, address, nil
}

// impatient is a connection whose writes do not wait for ever.
type impatient struct{ net.Conn }

func (c impatient) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// read handles messages until the connection ends.
func (s *session) read() {
	defer close(s.closed)
	defer s.recover()
	s.rpc.Run()
	s.fail(errors.New("the server closed the connection"))
}

// recover makes a panic, ours or the library's, the end of the session alone.
// It is to be deferred.
func (s *session) recover() {
	if p := recover(); p != nil {
		s.fail(fmt.Errorf("panic: %v", p))
	}
}

// call sends a request and waits for the answer, until ctx or the session ends.
func (s *session) call(ctx context.Context, method string, args, reply any) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
	err := s.rpc.CallWithContext(ctx, method, args, reply)
	if errors.Is(err, rpc2.ErrShutdown) || errors.Is(err, io.ErrUnexpectedEOF) {
		<-ctx.Done() // it is about to be said why
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// probe asks the server every interval whether it is there, and ends the session
// when the answer takes two.
func (s *session) probe(interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeoutCause(s.ctx, 2*interval, ErrSilent)
		err := s.call(ctx, "echo", ovsdb.NewEchoArgs(), &[]any{})
		cancel()
		if err != nil {
			s.fail(err)
			return
		}
	}
}

// end ends the session, for the reason err unless there was one before, and
// waits for what runs of it.
func (s *session) end(err error) {
	s.fail(err)
	<-s.closed
}

// ended is why the session ended, nil while it lives.
func (s *session) ended() error { return context.Cause(s.ctx) }
