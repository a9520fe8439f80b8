package httpapi

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/sse"
)

// pipes is a listener whose connections hold nothing that is not read.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, errors.New("ended")
	}
}

func (p pipes) Close() error { close(p.ended); return nil }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A caller who does not receive what a stream sends loses it, and holds nothing
// up: the account's place for a stream is free again, and others are served.
func TestSlowReaderLosesItsStream(t *testing.T) {
	t.Parallel()
	s := world(t)
	l := pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: s.api}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-served })
	conn, far := net.Pipe()
	defer conn.Close()
	l.conns <- far
	if _, err := conn.Write([]byte("GET " + acme + "/events HTTP/1.1\r\nHost: api\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + admin + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%v %v", res, err)
	}
	others := 0
	for s.api.streams.Enter("acme") {
		others++
	}
	var bound sse.Open
	for bound.Enter("acme") {
		others--
	}
	if others != -1 {
		t.Errorf("%d streams", -others)
	}
	s.must("PUT", web, `{"name":"web"}`) // and now it does not read
	for deadline := time.Now().Add(2 * time.Minute); !s.api.streams.Enter("acme"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the stream is still open")
		}
	}
	s.must("PUT", web, `{"name":"webs"}`)
}
