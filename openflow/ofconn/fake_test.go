package ofconn_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// fakeSwitch is a peer that says what the test wants, for what a real switch
// does not do on demand. answer gets each message after the hello; what it
// returns is sent back with the same xid.
type fakeSwitch struct {
	path   string
	hello  wire.Message
	answer func(m wire.Message) []wire.Message
}

func (f *fakeSwitch) start(t *testing.T) {
	t.Helper()
	f.path = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", f.path)
	if err != nil {
		t.Fatal(err)
	}
	if f.hello == nil {
		f.hello = wire.Hello{Versions: 1 << wire.Version}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			sock, err := l.Accept()
			if err != nil {
				return
			}
			f.serve(sock)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
}

func (f *fakeSwitch) serve(sock net.Conn) {
	defer sock.Close()
	write := func(xid uint32, m wire.Message) {
		if m == (garbage{}) {
			sock.Write([]byte{wire.Version, 0, 0, 4, 0, 0, 0, 0}) // shorter than a header
			return
		}
		if b, err := wire.Append(nil, xid, m); err == nil {
			sock.Write(b)
		}
	}
	write(1, f.hello)
	in := bufio.NewReader(sock)
	for first := true; ; first = false {
		head, err := in.Peek(wire.HeaderLen)
		if err != nil {
			return
		}
		n, err := wire.MessageLen(head)
		if err != nil {
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		xid, m, err := wire.Decode(b)
		if err != nil || first {
			continue
		}
		for _, reply := range f.answer(m) {
			write(xid, reply)
		}
	}
}

func (f *fakeSwitch) dial(t *testing.T, opts ofconn.Options) *ofconn.Conn {
	t.Helper()
	c, err := ofconn.Dial(testContext(t), f.path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// garbage stands for bytes that are no message.
type garbage struct{ wire.Message }

// testContext ends long after a test should have.
func testContext(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	tb.Cleanup(cancel)
	return ctx
}
