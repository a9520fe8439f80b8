package wire

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/openflow"
)

// session is a plain connection to a switch: every exchange ends with a barrier.
type session struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	xid  uint32
}

// answer is a message from the switch.
type answer struct {
	xid     uint32
	message Message
}

// dialSwitch connects to the bridge's management socket and says hello.
func dialSwitch(t *testing.T, v *ovstest.OVS, bridge string) *session {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(v.RunDir, bridge+".mgmt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &session{t: t, conn: conn, in: bufio.NewReader(conn), xid: 100}
	conn.SetDeadline(time.Now().Add(3 * time.Minute))
	s.send(Hello{Versions: 1 << Version})
	if hello, ok := s.receive().message.(Hello); !ok || hello.Versions&(1<<Version) == 0 {
		t.Fatalf("the switch says %+v for hello", hello)
	}
	return s
}

// send sends messages and returns the xid of the last one.
func (s *session) send(messages ...Message) uint32 {
	s.t.Helper()
	var b []byte
	var err error
	for _, m := range messages {
		s.xid++
		if b, err = Append(b, s.xid, m); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := s.conn.Write(b); err != nil {
		s.t.Fatal(err)
	}
	return s.xid
}

func (s *session) receive() answer {
	s.t.Helper()
	header, err := s.in.Peek(HeaderLen)
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := MessageLen(header)
	if err != nil {
		s.t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.in, b); err != nil {
		s.t.Fatal(err)
	}
	xid, m, err := Decode(b)
	if err != nil {
		s.t.Fatalf("%v in a message of type %d", err, b[1])
	}
	return answer{xid, m}
}

// exchange sends messages and collects what comes back before the barrier's reply.
func (s *session) exchange(messages ...Message) []answer {
	s.t.Helper()
	barrier := s.send(append(slices.Clone(messages), BarrierRequest{})...)
	var answers []answer
	for {
		a := s.receive()
		if _, ok := a.message.(BarrierReply); ok && a.xid == barrier {
			return answers
		}
		answers = append(answers, a)
	}
}

// commit puts messages in as one bundle; every error reply fails the test.
func (s *session) commit(messages ...Message) {
	s.t.Helper()
	const flags = BundleAtomic | BundleOrdered
	all := []Message{BundleControl{1, BundleOpen, flags}}
	for _, m := range messages {
		all = append(all, BundleAdd{1, flags, m})
	}
	first := s.xid + 1
	for _, a := range s.exchange(append(all, BundleControl{1, BundleClose, flags}, BundleControl{1, BundleCommit, flags})...) {
		if e, ok := a.message.(Error); ok {
			if i := int(a.xid - first); i >= 0 && i < len(all) {
				s.t.Errorf("%v: %v", e, all[i])
			} else {
				s.t.Errorf("%v", e)
			}
		}
	}
}

// dump reads the flows of all tables.
func (s *session) dump(cookie, mask uint64) []openflow.Flow {
	s.t.Helper()
	var flows []openflow.Flow
	for _, a := range s.exchange(FlowDescRequest{Table: AllTables, Cookie: cookie, CookieMask: mask}) {
		r, ok := a.message.(FlowDescReply)
		if !ok {
			s.t.Fatalf("%+v for a flow dump", a.message)
		}
		for _, f := range r.Flows {
			flows = append(flows, f.Flow)
		}
	}
	return flows
}
