package megaflow

import (
	"context"
	"sync"

	"github.com/ringfence/ringfence/inquiry"
)

// Shared has all who wait for a settle share it. Whoever comes while it is under
// way waits for the next, since the tables may have changed meanwhile; so there is
// at most one under way, and one more is due, however many wait.
type Shared struct {
	settle func(context.Context) error

	mu      sync.Mutex
	next    *settle // is due; nil: nobody waits for it
	running bool
}

// Share returns a settler's Settle for many.
func Share(s *Settler) *Shared {
	return &Shared{settle: func(ctx context.Context) error { return s.Settle(ctx, Narrowed) }}
}

// settle is one settle, for all who wait for it.
type settle struct {
	ctx     context.Context
	cancel  context.CancelFunc
	waiting int           // under Shared.mu; when the last one gives up it ends
	done    chan struct{} // it is over, with err
	err     error
}

// Settle is as a settler's: what it does has begun and ended after the call.
func (t *Shared) Settle(ctx context.Context) error {
	s := t.join()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		t.leave(s)
		return ctx.Err()
	}
}

func (t *Shared) join() *settle {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		s := &settle{done: make(chan struct{})}
		s.ctx, s.cancel = context.WithCancel(context.Background())
		t.next = s
	}
	t.next.waiting++
	if !t.running {
		t.running = true
		go t.run()
	}
	return t.next
}

func (t *Shared) leave(s *settle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.cancel()
	}
}

// run settles as long as somebody waits.
func (t *Shared) run() {
	for {
		t.mu.Lock()
		s := t.next
		t.next, t.running = nil, s != nil
		t.mu.Unlock()
		if s == nil {
			return
		}
		s.err = inquiry.Guard(func() error { return t.settle(s.ctx) })
		s.cancel()
		close(s.done)
	}
}
