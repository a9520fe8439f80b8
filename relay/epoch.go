package relay

import (
	"context"
	"fmt"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// epochs say which history of the store the relay has, as the store tells it. That
// comes a little later than the policy of another history does: until then, none is
// said.
type epochs struct {
	now  string
	gone string // of the history before the relay's policy began anew
}

func (r *Relay) setEpoch(epoch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epochs.now = epoch
}

// at is the relay's state of the policy as the host is told it. A host that came
// with one of a history that the store does not have would take a revision of the
// same epoch for an older one of that history, if the store has not noticed.
func (s *session) at() *wire.Point {
	r := s.relay
	p := &wire.Point{Revision: r.at.revision, Mark: r.at.mark, Epoch: r.epochs.now}
	if p.Epoch == r.epochs.gone || s.elsewhere && p.Epoch == s.hello.GetHas().GetEpoch() {
		p.Epoch = ""
	}
	return p
}

// lookUpWrite finds out whether the store has what the host saw in it, beside the stream.
func (s *session) lookUpWrite(m *wire.Look) error {
	r := s.relay
	r.mu.Lock()
	busy := s.looking
	s.looking = true
	r.mu.Unlock()
	if busy {
		return s.reply(&wire.ToHost{Kind: &wire.ToHost_Looked{Looked: &wire.Looked{Id: m.GetId(), Error: "another one is being looked at"}}})
	}
	go func() {
		out := &wire.Looked{Id: m.GetId()}
		if err := r.findWrite(s.ctx, m.GetSeen(), out); err != nil {
			out.Error = err.Error()
		}
		r.mu.Lock()
		s.looking = false
		r.mu.Unlock()
		if err := s.reply(&wire.ToHost{Kind: &wire.ToHost_Looked{Looked: out}}); err != nil {
			s.end(err)
		}
	}()
	return nil
}

func (r *Relay) findWrite(ctx context.Context, seen *wire.Point, out *wire.Looked) (err error) {
	defer r.metrics.recoverPanic(r.log, &err)
	if seen.GetRevision() <= 0 || seen.GetMark() == "" {
		return fmt.Errorf("seen: revision %d and mark %q name no write", seen.GetRevision(), seen.GetMark())
	}
	out.Lost, err = r.cfg.Policy.Lost(ctx, []store.Write{{Revision: seen.GetRevision(), Mark: seen.GetMark()}})
	return err
}
