package controller

import (
	"context"
	"sync"

	"github.com/ringfence/ringfence/inquiry"
)

// together has all who wait for the same work share it. Whoever comes while it is
// done waits for the next time, since what it is about may have changed meanwhile;
// so at most one is under way, and one more is due, however many wait.
type together struct {
	work func(context.Context) error

	mu      sync.Mutex
	next    *shared // is due; nil: nobody waits for it
	running bool
}

// shared is the work once, for all who wait for it.
type shared struct {
	ctx     context.Context
	cancel  context.CancelFunc
	waiting int           // under together.mu; when the last one gives up it ends
	done    chan struct{} // it is over, with err
	err     error
}

// wait returns when the work was begun and ended after the call.
func (t *together) wait(ctx context.Context) error {
	s := t.join()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		t.leave(s)
		return ctx.Err()
	}
}

func (t *together) join() *shared {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		s := &shared{done: make(chan struct{})}
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

func (t *together) leave(s *shared) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.cancel()
	}
}

// run does the work as long as it is due.
func (t *together) run() {
	for {
		t.mu.Lock()
		s := t.next
		t.next, t.running = nil, s != nil
		t.mu.Unlock()
		if s == nil {
			return
		}
		s.err = inquiry.Guard(func() error { return t.work(s.ctx) })
		s.cancel()
		close(s.done)
	}
}
