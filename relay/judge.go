package relay

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/relay/wire"
)

const (
	judgedMost  = 4096 // connections of one batch
	controlMost = 1024 // messages that wait to be sent to a host that asks for more
)

// judge answers the host whether connections that are open there are allowed by the whole
// policy, of which the host has only its share. Nothing is allowed to a NIC that is not
// plugged there, or may not be.
func (s *session) judge(m *wire.Judge) error {
	out := &wire.Judgement{Id: m.GetId()}
	conns := m.GetConnections()
	if n := len(conns); n > judgedMost {
		out.Error = fmt.Sprintf("%d connections in one batch, and %d may be", n, judgedMost)
	} else if err := s.verdicts(conns, out); err != nil {
		out.Error, out.Verdicts = err.Error(), nil
	}
	return s.reply(&wire.ToHost{Kind: &wire.ToHost_Judgement{Judgement: out}})
}

// reply queues the answer to a request of the host. It ends the stream of a host that
// asks and does not read.
func (s *session) reply(m *wire.ToHost) error {
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	if len(s.control) > controlMost {
		return refused(codes.ResourceExhausted, "the host asks, and does not read the answers")
	}
	s.control = append(s.control, m)
	s.notify()
	return nil
}

// verdicts judges by the latest policy. It holds the lock only to take that.
func (s *session) verdicts(conns []*wire.Connection, out *wire.Judgement) error {
	r := s.relay
	plugged := map[string]bool{}
	r.mu.Lock()
	policy := r.policy
	for _, c := range conns {
		plugged[c.GetNic()] = s.plugged[c.GetNic()] != nil
	}
	r.mu.Unlock()
	out.Revision, out.Verdicts = policy.Revision(), make([]*wire.Verdict, 0, len(conns))
	for _, c := range conns {
		conn, err := c.Conn()
		if err != nil {
			return err
		}
		v := &wire.Verdict{}
		if n := policy.NIC(c.GetNic()); n != nil && plugged[n.ID] && n.MayBeAt(s.host) {
			v.Allowed = impact.Allowed(policy, n, conn)
			v.Sent, _ = impact.Ends(policy, n, conn)
		}
		out.Verdicts = append(out.Verdicts, v)
	}
	return nil
}
