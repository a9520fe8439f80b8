package relay

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/relay/wire"
)

const (
	judgedMost   = 4096 // connections of one batch
	judgedAtOnce = 64   // while others wait for the policy
	controlMost  = 1024 // messages that wait to be sent to a host that asks for more
)

// judge judges connections that are open at the host by the whole policy, as the host
// did if it had that. A NIC that is not plugged there, or may not be, is allowed
// nothing.
func (s *session) judge(m *wire.Judge) error {
	out := &wire.Judgement{Id: m.GetId()}
	if n := len(m.GetConnections()); n > judgedMost {
		out.Error = fmt.Sprintf("%d connections in one batch, and %d may be", n, judgedMost)
	} else {
		out.Verdicts = make([]*wire.Verdict, 0, n)
	}
	for conns := m.GetConnections(); len(conns) > 0 && out.Error == ""; {
		some := conns[:min(judgedAtOnce, len(conns))]
		conns = conns[len(some):]
		s.judgeSome(some, out)
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

func (s *session) judgeSome(conns []*wire.Connection, out *wire.Judgement) {
	r := s.relay
	r.mu.Lock()
	defer r.mu.Unlock()
	if out.Revision == 0 {
		out.Revision = r.at.revision // others may be judged by a later one
	}
	for _, c := range conns {
		conn, err := c.Conn()
		if err != nil {
			out.Error, out.Verdicts = err.Error(), nil
			return
		}
		v := &wire.Verdict{}
		if n := r.policy.NIC(c.GetNic()); n != nil && s.plugged[n.ID] != nil && n.MayBeAt(s.host) {
			v.Allowed = impact.Allowed(r.policy, n, conn)
			v.Sent, _ = impact.Ends(r.policy, n, conn)
		}
		out.Verdicts = append(out.Verdicts, v)
	}
}
