package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ringfence/ringfence/store/internal/batch"
)

// begin makes a queue, and a function that asks it for something beside the caller.
func begin(t *testing.T, batches func(ctx context.Context, asked []string) (rest []string)) (ask func(ctx context.Context, what string) (answer func() error), end context.CancelFunc) {
	life, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { end(); running.Wait() })
	q := &batch.Queue[string]{Life: life, Spawn: func(f func()) { running.Go(f) }, Make: batches}
	return func(ctx context.Context, what string) func() error {
		answer := make(chan error, 1)
		running.Go(func() { answer <- q.Do(ctx, what) })
		synctest.Wait() // it waits, too, or is made
		return func() error { return <-answer }
	}, end
}

// TestQueue: while a batch is made those who come wait for the next, which takes all of them, and
// what a batch leaves comes before what came later.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made []string
		step := make(chan int) // how many of the batch are made
		ask, _ := begin(t, func(_ context.Context, asked []string) []string {
			n := <-step
			made = append(made, fmt.Sprint(asked))
			return asked[n:]
		})
		var answers []func() error
		for _, what := range []string{"a", "b", "c", "d"} {
			answers = append(answers, ask(t.Context(), what))
		}
		step <- 1 // a
		synctest.Wait()
		answers = append(answers, ask(t.Context(), "e"))
		step <- 1 // b
		step <- 3 // c d e
		for _, answer := range answers {
			if err := answer(); err != nil {
				t.Error(err)
			}
		}
		if want := []string{"[a]", "[b c d]", "[c d e]"}; !slices.Equal(made, want) {
			t.Errorf("batches %v, want %v", made, want)
		}
	})
}

// TestQueueIsLeft: who does not wait any more is not made, unless a batch of it is under way; and
// a batch that nobody waits for is told so.
func TestQueueIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made []string
		leave := make(chan bool)
		ask, end := begin(t, func(ctx context.Context, asked []string) []string {
			select {
			case left := <-leave:
				if left {
					return asked
				}
				made = append(made, asked...)
				return nil
			case <-ctx.Done():
				return asked
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		under, waits, stays := ask(t.Context(), "under way"), ask(ctx, "waits"), ask(t.Context(), "stays")
		cancel()
		if err := waits(); !errors.Is(err, context.Canceled) {
			t.Errorf("who left while it waited was told %v", err)
		}
		leave <- false
		if err := under(); err != nil {
			t.Error(err)
		}
		leave <- false
		if err := stays(); err != nil {
			t.Error(err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		undone := ask(ctx, "undone")
		cancel() // the only one
		if err := undone(); !errors.Is(err, context.Canceled) {
			t.Errorf("who left what was left undone was told %v", err)
		}
		last, behind := ask(t.Context(), "last"), ask(t.Context(), "behind")
		end()
		for _, answer := range []func() error{last, behind} {
			if err := answer(); !errors.Is(err, context.Canceled) {
				t.Errorf("when the queue ended: %v", err)
			}
		}
		if want := []string{"under way", "stays"}; !slices.Equal(made, want) {
			t.Errorf("made %v, want %v", made, want)
		}
	})
}
