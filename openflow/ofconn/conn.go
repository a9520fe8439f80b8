package ofconn

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringfence/ringfence/openflow/wire"
)

// Options tune a connection; the zero value is good for a switch on this host.
type Options struct {
	// EchoInterval is how long the connection may be silent before the switch
	// is asked for an echo; default 5 s.
	EchoInterval time.Duration
	// EchoTimeout is how long it may be silent before it counts as lost;
	// default, and at least, three EchoIntervals. ovs-vswitchd answers nobody while it commits
	// a large bundle (about 2 s for 500,000 flows).
	EchoTimeout time.Duration
	// Logger gets what the switch says that nobody asked for; default none.
	Logger *slog.Logger
}

func (o *Options) defaults() {
	if o.EchoInterval <= 0 {
		o.EchoInterval = 5 * time.Second
	}
	o.EchoTimeout = max(o.EchoTimeout, 3*o.EchoInterval)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Conn is one OpenFlow 1.5 connection to a bridge of ovs-vswitchd. All methods
// may be called at once from several goroutines. A Conn does not reconnect: when
// Done is closed, dial again, and compare what the switch has.
type Conn struct {
	opts         Options
	sock         net.Conn
	out          chan []byte  // for the writer, in order
	urgent       chan []byte  // for the writer, before all else
	lastReceived atomic.Int64 // nanoseconds after started
	started      time.Time
	work         sync.WaitGroup

	done chan struct{}
	err  error // readable once done is closed

	mu      sync.Mutex
	over    bool
	lastXID uint32
	calls   []*call
	packets chan wire.PacketIn
	monitor *monitor

	bundleID    atomic.Uint32
	changes     atomic.Uint64 // see Changes
	bundlesOpen atomic.Int32  // bundles
	shapes      shapes
}

// Errors of a connection that is over.
var (
	// ErrClosed means that Close was called.
	ErrClosed = errors.New("connection closed")
	// ErrSilent means that the switch stopped answering echo requests.
	ErrSilent = errors.New("switch does not answer")
	// ErrProtocol means that the switch sent what is no OpenFlow 1.5.
	ErrProtocol = errors.New("protocol error")
)

// OpError is a failed operation of a connection.
type OpError struct {
	Op  string // "dial", "bundle", "dump", …
	Err error
}

func (e *OpError) Error() string { return "openflow " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

func opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{op, err}
}

// Dial connects to the Unix socket <rundir>/<bridge>.mgmt and agrees on OpenFlow
// 1.5; the bridge must have it among its protocols.
func Dial(ctx context.Context, path string, opts Options) (*Conn, error) {
	opts.defaults()
	var d net.Dialer
	sock, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, &OpError{"dial", err}
	}
	c := &Conn{
		opts: opts, sock: sock, started: time.Now(),
		out: make(chan []byte, 16), urgent: make(chan []byte, 16),
		done: make(chan struct{}),
	}
	stop := context.AfterFunc(ctx, func() { sock.SetDeadline(time.Unix(1, 0)) })
	in, err := c.hello()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		sock.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, &OpError{"hello", err}
	}
	c.noteReceived()
	c.spawn(func() { c.fail(c.read(in)) })
	c.spawn(func() { c.fail(c.write()) })
	c.spawn(func() { c.fail(c.watch()) })
	return c, nil
}

// spawn runs f beside the connection, for Close to wait for; it does not if the
// connection is over.
func (c *Conn) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.work.Go(f)
	return true
}

// Close ends the connection and waits until nothing of it runs any more. What is
// under way fails with ErrClosed.
func (c *Conn) Close() error {
	c.fail(ErrClosed)
	c.work.Wait()
	return nil
}

// Done is closed when the connection is over; Err then says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the connection is over, nil while it is not.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	c.err = err
	close(c.done)
	c.sock.Close()
	if c.packets != nil {
		close(c.packets)
		c.packets = nil
	}
}

// send hands a message, or several in a row, to the writer.
func (c *Conn) send(ctx context.Context, b []byte) error {
	select {
	case c.out <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		return c.err
	}
}

// xid is a transaction id for a message whose answer nobody waits for.
func (c *Conn) xid() uint32 {
	k := c.call(1)
	c.hangUp(k)
	return k.first
}

func (c *Conn) noteReceived() { c.lastReceived.Store(int64(time.Since(c.started))) }

// silence is how long nothing has come in.
func (c *Conn) silence() time.Duration {
	return time.Since(c.started) - time.Duration(c.lastReceived.Load())
}
