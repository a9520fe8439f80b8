package relay

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/ringfence/ringfence/relay/wire"
)

// stream is the two-way stream of a host.
type stream = grpc.BidiStreamingServer[wire.FromHost, wire.ToHost]

// send sends what takeOutgoing returns, whenever there is anything, until the session ends.
func (s *session) send(st stream) error {
	for {
		select {
		case <-s.ctx.Done():
			if end, ok := errors.AsType[*ending](context.Cause(s.ctx)); ok {
				_ = st.Send(end.goodbye()) // the stream ends with the same
			}
			return context.Cause(s.ctx)
		case <-s.wake:
		}
		s.relay.mu.Lock()
		t := s.takeOutgoing()
		s.relay.mu.Unlock()
		if err := s.write(st, t); err != nil {
			return err
		}
	}
}

func (s *session) write(st stream, t outgoing) error {
	send := func(m *wire.ToHost) error {
		if err := st.Send(m); err != nil {
			return err
		}
		s.relay.metrics.sent.Inc()
		return nil
	}
	welcome := slices.IndexFunc(t.control, func(m *wire.ToHost) bool { return m.GetWelcome() != nil })
	if welcome >= 0 {
		if err := send(t.control[welcome]); err != nil {
			return err
		}
		t.control = slices.Delete(t.control, welcome, welcome+1)
	}
	if t.delta != nil {
		parts, err := s.relay.encoder.Encode(t.toSend(), wire.PartSize)
		if err != nil {
			return err
		}
		for _, m := range parts {
			m.Number, m.At, m.Plugs = t.number, t.at, t.plugs
			if err := send(&wire.ToHost{Kind: &wire.ToHost_Delta{Delta: m}}); err != nil {
				return err
			}
		}
	}
	for _, m := range t.control {
		if err := send(m); err != nil {
			return err
		}
	}
	return nil
}

// receive handles the host's messages until the stream ends.
func (s *session) receive(st stream) error {
	for {
		m, err := st.Recv()
		if err != nil {
			return err
		}
		if err := s.handle(m); err != nil {
			return err
		}
	}
}

func (s *session) handle(m *wire.FromHost) error {
	switch {
	case m.GetJudge() != nil:
		return s.judge(m.GetJudge())
	case m.GetLook() != nil:
		return s.lookUpWrite(m.GetLook())
	}
	r := s.relay
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[s.host] != s {
		return context.Canceled // another stream has its place
	}
	switch {
	case m.GetApplied() != nil:
		if n := len(m.GetApplied().GetBehind()); n > 2*maxPlugged {
			return refused(codes.ResourceExhausted, "%d NICs are behind, and a host may have %d", n, maxPlugged)
		}
		news := s.acknowledge(m.GetApplied().GetDelta())
		if news {
			s.notify() // what waited for room
		}
		if s.setFurther(m.GetApplied()) || news {
			r.wakeAll()
		}
	case m.GetPlugs() != nil:
		if n := len(s.plugged) + len(m.GetPlugs().GetPlugged()); n > 2*maxPlugged {
			return refused(codes.ResourceExhausted, "%d NICs are plugged, and a host may have %d", n, maxPlugged)
		}
		s.plug(m.GetPlugs())
		r.dirty[s] = struct{}{}
		r.wakeAll()
	case m.GetStatus() != nil:
		s.setStatus(m.GetStatus())
	case m.GetAnswer() != nil:
		s.answered(m.GetAnswer())
	}
	return nil
}
