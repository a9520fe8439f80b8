// Package batch has things made together that several callers ask for at the same time.
package batch

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Queue has one batch made at a time, of all that was asked for by then: what comes meanwhile is
// in the next one. Nobody waits for others to come.
//
//	caller 1  ask ──► batch 1 ──────► made
//	caller 2     ask ················ batch 2 ──► made
//	caller 3       ask ·············· batch 2 ──► made
type Queue[T comparable] struct {
	// Life is how long batches are made, and Spawn runs a function beside its caller during it.
	Life  context.Context
	Spawn func(func())
	// Make makes a batch of what is asked for, or of a part of it, and returns the rest, which
	// comes first in the next batch. ctx ends when nobody waits for any of it any more.
	Make func(ctx context.Context, asked []T) (rest []T)

	mu      sync.Mutex
	waiting []*entry[T]
	making  bool
}

// entry is what a caller asks for.
type entry[T comparable] struct {
	asked T
	ctx   context.Context
	done  chan error // is sent the one answer of Do
}

// Do returns nil when what is asked for was made, and else why it was not: ctx or Life has ended
// before. Of what is being made it waits to hear.
func (q *Queue[T]) Do(ctx context.Context, asked T) error {
	e := &entry[T]{asked, ctx, make(chan error, 1)}
	q.mu.Lock()
	q.waiting = append(q.waiting, e)
	if !q.making {
		q.making = true
		q.Spawn(q.run)
	}
	q.mu.Unlock()
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		q.withdraw(e, ctx.Err())
	case <-q.Life.Done():
		q.withdraw(e, q.Life.Err())
	}
	return <-e.done
}

// withdraw answers an entry that no batch has.
func (q *Queue[T]) withdraw(e *entry[T], err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, e); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		e.done <- err
	}
}

// run makes batches until nothing is asked for.
func (q *Queue[T]) run() {
	for {
		taken := q.take()
		if len(taken) == 0 {
			return
		}
		asked := make([]T, len(taken))
		for i, e := range taken {
			asked[i] = e.asked
		}
		ctx, cancel := whileAnyWaits(q.Life, taken)
		rest := q.Make(ctx, asked)
		cancel()
		q.settle(taken, rest)
	}
}

// take takes all that is asked for; if that is nothing, no batch is being made any more.
func (q *Queue[T]) take() []*entry[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting, q.making = nil, len(taken) > 0
	return taken
}

// settle answers those whose entries were made, or are not to be made any more, and puts the
// others back.
func (q *Queue[T]) settle(taken []*entry[T], rest []T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var again []*entry[T]
	for _, e := range taken {
		switch {
		case !slices.Contains(rest, e.asked):
			e.done <- nil
		case q.Life.Err() != nil:
			e.done <- q.Life.Err()
		case e.ctx.Err() != nil:
			e.done <- e.ctx.Err()
		default:
			again = append(again, e)
		}
	}
	slices.SortStableFunc(again, func(a, b *entry[T]) int { return slices.Index(rest, a.asked) - slices.Index(rest, b.asked) })
	q.waiting = append(again, q.waiting...)
}

// whileAnyWaits is a context that ends with life, or when those of all entries have.
func whileAnyWaits[T comparable](life context.Context, all []*entry[T]) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(life)
	var waiting atomic.Int64
	waiting.Store(int64(len(all)))
	stops := []func() bool{}
	for _, e := range all {
		stops = append(stops, context.AfterFunc(e.ctx, func() {
			if waiting.Add(-1) == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
