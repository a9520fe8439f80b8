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

// Lost implements controller.History: it has the relay look whether the store still has the
// latest of some writes that this host saw, which are sorted.
func (c *Client) Lost(ctx context.Context, seen []store.Write) (bool, error) {
	if len(seen) == 0 {
		return false, nil
	}
	s := c.session()
	if s == nil {
		return false, ErrAway
	}
	within, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	last := seen[len(seen)-1]
	l, err := s.looks.ask(within, s, func(id uint64) *wire.FromHost {
		return &wire.FromHost{Kind: &wire.FromHost_Look{Look: &wire.Look{Id: id, Seen: &wire.Point{Revision: last.Revision, Mark: last.Mark}}}}
	})
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return false, errors.New("the relay does not say whether the store has what this host saw")
	case err != nil:
		return false, err
	case l.GetError() != "":
		return false, errors.New(l.GetError())
	}
	return l.GetLost(), nil
}
