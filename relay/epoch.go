package relay

import (
	"context"
	"fmt"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// epochs say of which history of the store the relay's policy is. After the store was put
// back the new epoch comes a little later than the policy: until then hosts are told none.
type epochs struct {
	now  string
	gone string // of the history before the relay's policy began anew
}

func (r *Relay) setEpoch(epoch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epochs.now = epoch
}

// at is the state of the relay's policy, as it is sent to the host. It is without an epoch
// if the host came with a policy of a history that the store does not have, and the store
// has not noticed yet that it was put back: with the same epoch the host would take the
// revision for an older one of its own history.
func (s *session) at() *wire.Point {
	r := s.relay
	p := &wire.Point{Revision: r.at.revision, Mark: r.at.mark, Epoch: r.epochs.now}
	if p.Epoch == r.epochs.gone || s.elsewhere && p.Epoch == s.hello.GetHas().GetEpoch() {
		p.Epoch = ""
	}
	return p
}

// lookUpWrite finds out, in a goroutine of its own, whether the store still has a write
// that the host has seen, and sends the host the result.
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
