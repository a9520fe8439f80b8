package upstream

import (
	"context"
	"sync"

	"github.com/ringfence/ringfence/relay/wire"
)

// pending are the questions of one kind that the relay has still to answer, each with a
// number of its own.
type pending[A any] struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan A
}

// ask sends a question, which message makes of its number, and waits for the answer, until
// ctx ends. It is an ErrAway if the stream ends before.
func (p *pending[A]) ask(ctx context.Context, s *session, message func(id uint64) *wire.FromHost) (answer A, err error) {
	got := make(chan A, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	if p.waiting == nil {
		p.waiting = map[uint64]chan A{}
	}
	p.waiting[id] = got
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting, id)
	}()
	s.enqueue(message(id))
	select {
	case <-ctx.Done():
		return answer, ctx.Err()
	case <-s.ctx.Done():
		return answer, ErrAway
	case answer = <-got:
		return answer, nil
	}
}

// answered hands an answer to who waits for it.
func (p *pending[A]) answered(id uint64, answer A) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.waiting[id]; got != nil {
		got <- answer // has room for the one
		delete(p.waiting, id)
	}
}
