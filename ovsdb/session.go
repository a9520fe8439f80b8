package ovsdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxMessage bounds one message. The database of a host with thousands of
	// interfaces has some megabytes.
	maxMessage = 256 << 20
	// writeTimeout is how long the server may take to read a request.
	writeTimeout = 10 * time.Second
)

// session is one JSON-RPC connection, RFC 7047 §4. It answers the server's
// echo requests and sends its own when the server has been silent.
type session struct {
	net    net.Conn
	notify func(method string, params json.RawMessage) error
	heard  atomic.Int64 // when bytes came in last, Unix nanoseconds

	writing sync.Mutex

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]func(reply)
	err     error // why it ended

	done chan struct{} // closed when it ended
}

// reply is the answer to a request: result or err.
type reply struct {
	result json.RawMessage
	err    error
}

// message is a request, a response or a notification.
type message struct {
	Method *string         `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
	ID     json.RawMessage `json:"id"`
}

// dial connects to "unix:PATH" or "tcp:HOST:PORT". Notifications go to notify
// in the order of arrival; an error from it ends the session, as does a
// server silent for two probe intervals.
func dial(ctx context.Context, addr string, probe time.Duration, notify func(string, json.RawMessage) error) (*session, error) {
	network, address, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := &session{net: nc, notify: notify, waiting: map[uint64]func(reply){}, done: make(chan struct{})}
	s.heard.Store(time.Now().UnixNano())
	go s.read()
	go s.probe(probe)
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

// call sends a request and waits for the answer.
func (s *session) call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	answer := make(chan reply, 1)
	id, err := s.send(method, params, func(r reply) { answer <- r })
	if err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		return r.result, r.err
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.waiting, id)
		s.mu.Unlock()
		return nil, ctx.Err()
	}
}

// send sends a request. got is called once with the answer, or with why there
// will be none, by the goroutine that reads: before any later notification.
func (s *session) send(method string, params []any, got func(reply)) (id uint64, err error) {
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return 0, s.err
	}
	s.next++
	id = s.next
	s.waiting[id] = func(r reply) {
		var refused *RPCError
		if errors.As(r.err, &refused) {
			refused.Method = method
		}
		got(r)
	}
	s.mu.Unlock()
	err = s.write(map[string]any{"method": method, "params": append([]any{}, params...), "id": id})
	if err != nil {
		s.close(err) // calls got
		return id, nil
	}
	return id, nil
}

func (s *session) write(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.net.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err = s.net.Write(b)
	return err
}

// read handles messages until the connection ends.
func (s *session) read() {
	in := &inflow{s: s}
	dec := json.NewDecoder(in)
	for {
		in.left = maxMessage
		var m message
		if err := dec.Decode(&m); err != nil {
			s.close(fmt.Errorf("read: %w", err))
			return
		}
		if err := s.handle(m); err != nil {
			s.close(err)
			return
		}
	}
}

// handle acts on one message. An error means that the peer is no OVSDB
// server, or that notify cannot go on.
func (s *session) handle(m message) error {
	var id uint64
	hasID := len(m.ID) > 0 && !bytes.Equal(m.ID, []byte("null"))
	switch {
	case m.Method != nil && !hasID:
		return s.notify(*m.Method, m.Params)
	case m.Method != nil:
		answer := map[string]any{"id": m.ID, "result": m.Params, "error": nil}
		if *m.Method != "echo" {
			answer = map[string]any{"id": m.ID, "result": nil, "error": "unknown method"}
		}
		return s.write(answer)
	case !hasID || json.Unmarshal(m.ID, &id) != nil:
		return fmt.Errorf("an answer with the id %q", m.ID)
	}
	s.mu.Lock()
	got, ok := s.waiting[id]
	delete(s.waiting, id)
	s.mu.Unlock()
	if !ok {
		return nil // its caller gave up
	}
	if len(m.Error) > 0 && !bytes.Equal(m.Error, []byte("null")) {
		got(reply{err: rpcError(m.Error)})
	} else {
		got(reply{result: m.Result})
	}
	return nil
}

// rpcError reads an error member: an <error> object or a string.
func rpcError(raw json.RawMessage) *RPCError {
	var e RPCError
	if json.Unmarshal(raw, &e.Code) == nil {
		return &e
	}
	var object struct{ Error, Details string }
	if json.Unmarshal(raw, &object) == nil && object.Error != "" {
		return &RPCError{Code: object.Error, Details: object.Details}
	}
	return &RPCError{Code: string(raw)}
}

// probe sends an echo when the server was silent for an interval, and ends
// the session when it was silent for two.
func (s *session) probe(interval time.Duration) {
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	probed := false
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		silence := time.Since(time.Unix(0, s.heard.Load()))
		switch {
		case silence < interval:
			probed = false
		case silence > 2*interval:
			s.close(ErrSilent)
			return
		case !probed:
			probed = true
			_, _ = s.send("echo", nil, func(reply) {})
		}
	}
}

// close ends the session, for the reason err unless there was one before.
func (s *session) close(err error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = err
	waiting := s.waiting
	s.waiting = nil
	close(s.done)
	s.mu.Unlock()
	_ = s.net.Close()
	for _, got := range waiting {
		got(reply{err: err})
	}
}

// ended is why the session ended, nil while it lives.
func (s *session) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// inflow reads from the connection, with a limit for each message.
type inflow struct {
	s    *session
	left int
}

func (in *inflow) Read(p []byte) (int, error) {
	if in.left <= 0 {
		return 0, fmt.Errorf("a message of more than %d bytes", maxMessage)
	}
	n, err := in.s.net.Read(p[:min(len(p), in.left)])
	in.left -= n
	if n > 0 {
		in.s.heard.Store(time.Now().UnixNano())
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed the connection")
	}
	return n, err
}
