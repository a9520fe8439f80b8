package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/rpc2"
)

// peer is a server that a test speaks for.
type peer struct {
	t   *testing.T
	net net.Conn
	dec *json.Decoder
}

// pair connects a session with a peer.
func pair(t *testing.T, handle func(*session)) (*session, *peer) {
	t.Helper()
	sock := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan *peer, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			accepted <- nil
			return
		}
		p := &peer{t, c, json.NewDecoder(c)}
		var request json.RawMessage
		_ = p.dec.Decode(&request) // for the schema
		_, _ = c.Write([]byte(`{"id":1,"result":{"name":"Open_vSwitch","version":"8","tables":{}},"error":null}`))
		accepted <- p
	}()
	s, err := openSession(context.Background(), "unix:"+sock, handle)
	p := <-accepted
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.net.Close(); s.end(errors.New("test is over")) })
	return s, p
}

func (p *peer) say(text string) {
	p.t.Helper()
	if _, err := p.net.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) expect(want string) {
	p.t.Helper()
	var got json.RawMessage
	if err := p.dec.Decode(&got); err != nil {
		p.t.Fatal(err)
	}
	if string(got) != want {
		p.t.Errorf("got %s, want %s", got, want)
	}
}

func TestSessionAnswersTheServer(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 10)
	_, p := pair(t, func(s *session) {
		s.rpc.Handle("locked", func(_ *rpc2.Client, params []string, _ *[]any) error {
			heard <- strings.Join(params, " ")
			return nil
		})
	})
	p.say(`{"id":"echo","method":"echo","params":[1,"x"]}`)
	p.expect(`{"id":"echo","result":[1,"x"],"error":null}`)
	p.say(`{"id":null,"method":"locked","params":["a"]}`)
	if got := <-heard; got != "a" {
		t.Errorf("notification %s", got)
	}
}

func TestSessionCalls(t *testing.T) {
	t.Parallel()
	s, p := pair(t, func(*session) {})
	type outcome struct {
		result string
		err    error
	}
	call := func(ctx context.Context) chan outcome {
		done := make(chan outcome, 1)
		go func() {
			var result string
			err := s.call(ctx, "m", []any{"p"}, &result)
			done <- outcome{result, err}
		}()
		return done
	}
	bg := context.Background()

	first := call(bg)
	p.expect(`{"method":"m","params":["p"],"id":2}`)
	second := call(bg)
	p.expect(`{"method":"m","params":["p"],"id":3}`)
	p.say(`{"id":3,"result":"two","error":null}{"id":2,"result":"one","error":null}`)
	if a, b := <-first, <-second; a.result != "one" || b.result != "two" || a.err != nil || b.err != nil {
		t.Errorf("answers out of order: %+v, %+v", a, b)
	}

	refused := call(bg)
	p.expect(`{"method":"m","params":["p"],"id":4}`)
	p.say(`{"id":4,"result":null,"error":"unknown method"}`)
	if got := <-refused; got.err == nil || got.err.Error() != "unknown method" {
		t.Errorf("refused: %v", got.err)
	}

	ctx, cancel := context.WithCancel(bg)
	given := call(ctx)
	p.expect(`{"method":"m","params":["p"],"id":5}`)
	cancel()
	if got := <-given; !errors.Is(got.err, context.Canceled) {
		t.Errorf("cancelled: %v", got.err)
	}
	p.say(`{"id":5,"result":"late","error":null}`)

	lost := call(bg)
	p.expect(`{"method":"m","params":["p"],"id":6}`)
	p.net.Close()
	if got := <-lost; got.err == nil {
		t.Error("an answer after the connection was lost")
	}
	if got := <-call(bg); got.err == nil || !strings.Contains(got.err.Error(), "closed the connection") {
		t.Errorf("a call on a session that ended: %v", got.err)
	}
}

// Some of these make the library panic.
func TestSessionEndsOnNonsense(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`x`, `[]`, `{"id":null,"result":1,"error":null}`, `{"id":"a","result":1}`, `{}`, `{"id":1.5}`,
		`{"id":null,"method":"monitor_canceled","params":["ringfence"]}`, `{"id":null,"method":"stop","params":[]}`, `{"id":null,"method":"panic","params":[]}`} {
		s, p := pair(t, func(s *session) {
			s.rpc.Handle("stop", func(*rpc2.Client, []any, *[]any) error { s.fail(errors.New("stop")); return nil })
			s.rpc.Handle("panic", func(*rpc2.Client, []any, *[]any) error { panic("handler") })
		})
		p.say(text)
		select {
		case <-s.ctx.Done():
		case <-time.After(30 * time.Second):
			t.Errorf("%s: the session goes on", text)
		}
	}
}

func TestTransactWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s, p := pair(t, func(*session) {})
	c := &Client{addr: "unix:/nonexistent", session: s}
	go func() {
		var request json.RawMessage
		_ = p.dec.Decode(&request)
		p.net.Close()
	}()
	if _, err := c.transact(context.Background(), comment("x")); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("%v", err)
	}
}
