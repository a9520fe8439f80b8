package upstream

import (
	"errors"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/relay/wire"
)

// send sends what next returns, until the stream ends.
func (s *session) send() error {
	for {
		m := s.next()
		if m == nil {
			select {
			case <-s.ctx.Done():
				return s.ctx.Err()
			case <-s.wake:
			}
			continue
		}
		if err := s.stream.Send(m); err != nil {
			<-s.ctx.Done() // receive has the reason
			return s.ctx.Err()
		}
	}
}

// receive hands on what the relay sends, until the stream ends; the error says why it did.
func (s *session) receive() error {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return err
		}
		switch {
		case m.GetDelta() != nil:
			if err := s.delta(m.GetDelta()); err != nil {
				return err
			}
		case m.GetPlugsAt() != nil:
			s.client.plugsAt(m.GetPlugsAt())
		case m.GetAsk() != nil:
			s.ask(m.GetAsk())
		case m.GetWithdraw() != nil:
			s.withdraw(m.GetWithdraw().GetId())
		case m.GetJudgement() != nil:
			s.judgements.answered(m.GetJudgement().GetId(), m.GetJudgement())
		case m.GetLooked() != nil:
			s.looks.answered(m.GetLooked().GetId(), m.GetLooked())
		case m.GetGoodbye() != nil:
			return refusalOf(m.GetGoodbye())
		}
	}
}

// delta hands a change of the share to the handler of Follow, once all its parts are there.
// The first one of a stream is the whole share, or what differs from what the hello said
// that the host has.
func (s *session) delta(m *wire.Delta) error {
	d, unread, done := s.parts.Add(m)
	if !done {
		return nil
	}
	first := !s.wholeShare
	if first && !d.Full && !s.held {
		return errors.New("the relay's first delta is not the whole share")
	}
	c, at := s.client, m.GetAt()
	if first {
		s.wholeShare = true
		c.awaitPlugs(s)
	}
	if err := c.checkNotOlder(at); err != nil {
		return err
	}
	c.mu.Lock()
	c.has = at
	c.updates++
	u := share.Update{
		Revision: at.GetRevision(), Mark: at.GetMark(), Epoch: at.GetEpoch(), Number: c.updates, Delta: d, Anew: first, Unreadable: c.unreadable.after(d, unread),
	}
	to := c.to
	c.mu.Unlock()
	s.mu.Lock()
	s.unapplied = append(s.unapplied, unappliedDelta{u.Number, m.GetNumber()})
	s.mu.Unlock()
	to.Handle(u)
	return nil
}
