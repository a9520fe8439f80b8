package unixctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// maxReply bounds one answer: a conntrack dump is ~150 bytes a connection.
const maxReply = 1 << 30

// conn is one connection: one request, then its reply.
type conn struct {
	net  net.Conn
	dec  *json.Decoder
	in   *meter
	next uint64
}

// request and reply are the messages of JSON-RPC 1.0 (ovs: lib/unixctl.c).
type request struct {
	ID     uint64   `json:"id"`
	Method string   `json:"method"`
	Params []string `json:"params"`
}

type reply struct {
	ID     *uint64 `json:"id"`
	Result *string `json:"result"`
	Error  *string `json:"error"`
}

func dial(ctx context.Context, path string) (*conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	in := &meter{r: nc}
	return &conn{net: nc, in: in, dec: json.NewDecoder(in)}, nil
}

// roundTrip runs one command. After an error that is not an *Error the
// connection is of no further use.
func (c *conn) roundTrip(ctx context.Context, method string, args []string) (string, error) {
	if args == nil {
		args = []string{}
	}
	c.next++
	c.in.got, c.in.left = 0, maxReply
	msg, err := json.Marshal(request{ID: c.next, Method: method, Params: args})
	if err != nil {
		return "", err
	}
	moved := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.net.SetDeadline(time.Unix(1, 0))
		close(moved)
	})
	text, err := c.exchange(method, msg)
	if !stop() {
		<-moved
		_ = c.net.SetDeadline(time.Time{})
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			err = context.Cause(ctx)
		}
	}
	return text, err
}

func (c *conn) exchange(method string, msg []byte) (string, error) {
	if _, err := c.net.Write(msg); err != nil {
		return "", err
	}
	var r reply
	if err := c.dec.Decode(&r); err != nil {
		return "", err
	}
	switch {
	case r.ID == nil || *r.ID != c.next:
		return "", errors.New("an answer to another request")
	case r.Error != nil:
		return "", &Error{Method: method, Text: *r.Error}
	case r.Result == nil:
		return "", errors.New("an answer with neither result nor error")
	}
	return *r.Result, nil
}

// close closes the connection and says whether the current request went
// without a single byte of answer.
func (c *conn) close() (silent bool) {
	_ = c.net.Close()
	return c.in.got == 0
}

// meter counts what was read since it was reset, and ends at a limit.
type meter struct {
	r         io.Reader
	got, left int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, fmt.Errorf("an answer of more than %d bytes", int64(maxReply))
	}
	if int64(len(p)) > m.left {
		p = p[:m.left]
	}
	n, err := m.r.Read(p)
	m.got += int64(n)
	m.left -= int64(n)
	return n, err
}
