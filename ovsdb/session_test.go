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
)

// peer is a server that a test speaks for.
type peer struct {
	t   *testing.T
	net net.Conn
	dec *json.Decoder
}

// pair connects a session with a peer.
func pair(t *testing.T, notify func(string, json.RawMessage) error) (*session, *peer) {
	t.Helper()
	sock := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := dial(context.Background(), "unix:"+sock, time.Hour, notify)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.close(errors.New("test is over")) })
	return s, &peer{t, c, json.NewDecoder(c)}
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
	_, p := pair(t, func(method string, params json.RawMessage) error {
		heard <- method + string(params)
		return nil
	})
	p.say(`{"id":"echo","method":"echo","params":[1,"x"]}`)
	p.expect(`{"error":null,"id":"echo","result":[1,"x"]}`)
	p.say(`{"id":7,"method":"dance","params":[]}`)
	p.expect(`{"error":"unknown method","id":7,"result":null}`)
	p.say(`{"id":null,"method":"locked","params":["a"]}`)
	if got := <-heard; got != `locked["a"]` {
		t.Errorf("notification %s", got)
	}
}

func TestSessionCalls(t *testing.T) {
	t.Parallel()
	s, p := pair(t, nil)
	type outcome struct {
		result string
		err    error
	}
	call := func(ctx context.Context) chan outcome {
		done := make(chan outcome, 1)
		go func() {
			raw, err := s.call(ctx, "m", "p")
			done <- outcome{string(raw), err}
		}()
		return done
	}
	bg := context.Background()

	first := call(bg)
	p.expect(`{"id":1,"method":"m","params":["p"]}`)
	second := call(bg)
	p.expect(`{"id":2,"method":"m","params":["p"]}`)
	p.say(`{"id":2,"result":"two","error":null}{"id":1,"result":"one","error":null}`)
	if a, b := <-first, <-second; a.result != `"one"` || b.result != `"two"` || a.err != nil || b.err != nil {
		t.Errorf("answers out of order: %+v, %+v", a, b)
	}

	for text, want := range map[string]RPCError{
		`"unknown method"`: {"m", "unknown method", ""},
		`{"error":"unknown database","details":"Foo"}`: {"m", "unknown database", "Foo"},
		`[1]`: {"m", "[1]", ""},
	} {
		done := call(bg)
		var request struct{ ID json.Number }
		if err := p.dec.Decode(&request); err != nil {
			t.Fatal(err)
		}
		p.say(`{"id":` + request.ID.String() + `,"result":null,"error":` + text + `}`)
		var refused *RPCError
		if got := <-done; !errors.As(got.err, &refused) || *refused != want {
			t.Errorf("%s: %v", text, got.err)
		}
	}

	ctx, cancel := context.WithCancel(bg)
	given := call(ctx)
	var request struct{ ID json.Number }
	if err := p.dec.Decode(&request); err != nil {
		t.Fatal(err)
	}
	cancel()
	if got := <-given; !errors.Is(got.err, context.Canceled) {
		t.Errorf("cancelled: %v", got.err)
	}
	p.say(`{"id":` + request.ID.String() + `,"result":"late","error":null}`)

	lost := call(bg)
	if err := p.dec.Decode(&request); err != nil {
		t.Fatal(err)
	}
	p.net.Close()
	if got := <-lost; got.err == nil || !strings.Contains(got.err.Error(), "closed the connection") {
		t.Errorf("connection lost: %v", got.err)
	}
	if got := <-call(bg); got.err == nil {
		t.Error("a call on a session that ended")
	}
}

func TestSessionEndsOnNonsense(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`x`, `[]`, `{"id":null,"result":1,"error":null}`, `{"id":"a","result":1}`, `{}`, `{"id":1.5}`, `{"id":null,"method":"stop","params":[]}`} {
		s, p := pair(t, func(method string, _ json.RawMessage) error { return errors.New(method) })
		p.say(text)
		select {
		case <-s.done:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the session goes on", text)
		}
	}
}

func TestTransactWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s, p := pair(t, nil)
	c := &Client{addr: "unix:/nonexistent", session: s, schema: installedSchema(t)}
	go func() {
		var request json.RawMessage
		_ = p.dec.Decode(&request)
		p.net.Close()
	}()
	if _, err := c.Transact(context.Background(), Comment("x")); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("%v", err)
	}
}
