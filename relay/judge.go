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

// judge judges connections that are open at the host by the whole policy, as the host
// did if it had that. A NIC that is not plugged there, or may not be, is allowed
// nothing.
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

// reply has an answer sent to something that the host asked.
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

// verdicts judges by the policy of now, while nobody waits for it.
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
