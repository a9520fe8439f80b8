// Package unixctl talks to a running ovs-vswitchd over its control socket
// (ovs-appctl(8)): packet traces, connection tracking, and the pace of the
// revalidators. The protocol is JSON-RPC 1.0 on a unix socket, a method and
// strings in, text out; the texts are parsed strictly.
package unixctl

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
)

// maxConns is how many connections a Client holds. ovs-vswitchd works on one
// command at a time, but a command that waits (revalidator/wait) occupies its
// connection alone.
const maxConns = 4

// Client sends commands to one ovs-vswitchd. It connects when it needs to and
// again after ovs-vswitchd restarted. Safe for concurrent use.
type Client struct {
	pool     *pool
	datapath string // argument of the dpctl commands, or empty
}

// Open returns a client of the ovs-vswitchd whose pidfile is in the directory
// rundir (OVS_RUNDIR, /var/run/openvswitch as a rule). It does not connect
// yet, and finds the daemon again after a restart.
func Open(rundir string) *Client {
	return &Client{pool: &pool{rundir: rundir, slots: make(chan struct{}, maxConns)}}
}

// ForDatapath returns a client on the same connections whose conntrack
// commands name the datapath, for example "system@ovs-system": they fail
// without a name where several datapaths exist.
func (c *Client) ForDatapath(name string) *Client {
	return &Client{pool: c.pool, datapath: name}
}

// DatapathName is the name of the datapath behind bridges with the given
// datapath_type (ovs-vswitchd.conf.db(5), table Bridge); "" means "system".
func DatapathName(datapathType string) string {
	if datapathType == "" {
		datapathType = "system"
	}
	return datapathType + "@ovs-" + datapathType
}

// Call runs one command and returns the text it answered. An error answer is
// an *Error. A command on a connection that turns out to be dead is sent once
// more on a new one.
func (c *Client) Call(ctx context.Context, method string, args ...string) (string, error) {
	text, err := c.call(ctx, method, args)
	if err != nil {
		return "", &OpError{Op: method, Err: err}
	}
	return text, nil
}

func (c *Client) call(ctx context.Context, method string, args []string) (string, error) {
	for _, a := range args {
		if strings.IndexByte(a, 0) >= 0 {
			return "", fmt.Errorf("argument %q holds a NUL byte", a)
		}
	}
	if err := c.pool.acquire(ctx); err != nil {
		return "", err
	}
	defer c.pool.release()
	for {
		conn, fresh, err := c.pool.get(ctx)
		if err != nil {
			return "", err
		}
		text, err := conn.roundTrip(ctx, method, args)
		var refused *Error
		if err == nil || errors.As(err, &refused) {
			c.pool.put(conn)
			return text, err
		}
		silent := conn.close()
		if fresh || !silent || ctx.Err() != nil {
			return "", err
		}
		c.pool.closeIdle() // their daemon is gone too
	}
}

// dpctl is Call with the datapath's name put after the options.
func (c *Client) dpctl(ctx context.Context, command string, options []string, args ...string) (string, error) {
	all := append([]string{}, options...)
	if c.datapath != "" {
		all = append(all, c.datapath)
	}
	return c.Call(ctx, "dpctl/"+command, append(all, args...)...)
}

// Close closes the connections, also under clients made by ForDatapath.
// Later calls fail with ErrClosed.
func (c *Client) Close() error {
	c.pool.close()
	return nil
}

// pool keeps idle connections and bounds how many are in use.
type pool struct {
	rundir string
	slots  chan struct{} // one element per call under way

	mu      sync.Mutex
	idle    []*conn
	version Version // of the daemon behind the connections; zero if not asked yet
	closed  bool
}

func (p *pool) acquire(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) release() { <-p.slots }

// get returns an idle connection, or a fresh one.
func (p *pool) get(ctx context.Context) (c *conn, fresh bool, err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, false, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		c = p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, false, nil
	}
	p.mu.Unlock()
	path, err := FindVswitchd(p.rundir)
	if err != nil {
		return nil, true, err
	}
	if c, err = dial(ctx, filepath.Clean(path)); err != nil {
		return nil, true, err
	}
	p.setVersion(Version{}) // it may be another daemon now
	return c, true, nil
}

func (p *pool) knownVersion() Version {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

func (p *pool) setVersion(v Version) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.version = v
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.close()
		return
	}
	p.idle = append(p.idle, c)
}

func (p *pool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.closeIdle()
}
