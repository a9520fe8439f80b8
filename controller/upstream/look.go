package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// lookWait is how long a relay may take to look for a write in the store.
const lookWait = 5 * time.Second

// Lost tells whether the store does not have the latest of some writes any more, which
// are sorted, as a relay finds it. It is that of controller.History.
func (c *Client) Lost(ctx context.Context, seen []store.Write) (bool, error) {
	if len(seen) == 0 {
		return false, nil
	}
	s := c.session()
	if s == nil {
		return false, ErrAway
	}
	last, got := seen[len(seen)-1], make(chan *wire.Looked, 1)
	s.mu.Lock()
	id := s.number()
	s.looked[id] = got
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.looked, id)
	}()
	s.enqueue(&wire.FromHost{Kind: &wire.FromHost_Look{Look: &wire.Look{Id: id, Seen: &wire.Point{Revision: last.Revision, Mark: last.Mark}}}})
	late := time.NewTimer(lookWait)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-s.ctx.Done():
		return false, ErrAway
	case <-late.C:
		return false, errors.New("the relay does not say whether the store has what this host saw")
	case l := <-got:
		if l.GetError() != "" {
			return false, errors.New(l.GetError())
		}
		return l.GetLost(), nil
	}
}

// lookedUp hands an answer to who waits for it.
func (s *session) lookedUp(l *wire.Looked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.looked[l.GetId()]; got != nil {
		got <- l // has room for the one
		delete(s.looked, l.GetId())
	}
}
