package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/store/internal/link"
)

// FollowEpoch tells which history the store has, now and whenever that is known to be
// another one, until ctx ends or the store is closed: which cluster it is, and what it
// lost last. It is the same text to all who follow it. One that was put back tells the
// former text until somebody has noticed, see noteLoss.
func (s *Store) FollowEpoch(ctx context.Context, tell func(epoch string)) error {
	b := s.losses()
	var said string
	for {
		beat := b.pulse.Next()
		var again <-chan time.Time
		if b.isLoaded() {
			r, err := s.get(ctx, s.link.Keys.Head())
			if err != nil {
				again = time.After(link.RetryDelayMax)
			} else if epoch := fmt.Sprintf("%x-%s", r.Header.ClusterId, b.latest()); epoch != said {
				tell(epoch)
				said = epoch
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.link.Ctx.Done():
			return &OpError{Op: "follow epoch", Kind: ErrClosed}
		case <-beat:
		case <-again:
		}
	}
}

// latest is the mark of the last write of the history that was lost last, "" if none
// was.
func (b *lossBoard) latest() (mark string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var at loss
	for _, l := range b.all {
		if l.when.After(at.when) || l.when.Equal(at.when) && l.mark > at.mark {
			at = l
		}
	}
	return at.mark
}
