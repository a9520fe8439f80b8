package megaflow

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestTogether: however many wait, the work is done once for those who were there
// before it began, and once more for those who came while it was done.
func TestTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := 0
		release := make(chan struct{})
		w := Shared{settle: func(ctx context.Context) error {
			begun++
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		var done atomic.Int32
		var all sync.WaitGroup
		wait := func(ctx context.Context) {
			all.Go(func() {
				if w.Settle(ctx) == nil {
					done.Add(1)
				}
			})
			synctest.Wait()
		}
		wait(t.Context())
		for range 32 {
			wait(t.Context())
		}
		if ended := done.Load(); begun != 1 || ended != 0 {
			t.Fatalf("begun %d times, %d are done", begun, ended)
		}
		release <- struct{}{}
		synctest.Wait()
		if ended := done.Load(); begun != 2 || ended != 1 {
			t.Errorf("begun %d times, %d are done: those who came later wait for what begins later", begun, ended)
		}
		release <- struct{}{}
		synctest.Wait()
		if ended := done.Load(); begun != 2 || ended != 33 {
			t.Errorf("begun %d times, %d are done", begun, ended)
		}
		// One who gives up leaves the others theirs; when all have, it ends.
		short, cancel := context.WithCancel(t.Context())
		wait(short)
		wait(short)
		wait(t.Context())
		cancel()
		synctest.Wait()
		if ended := done.Load(); begun != 4 || ended != 33 {
			t.Errorf("begun %d times, %d are done: nobody waits for the third any more", begun, ended)
		}
		release <- struct{}{}
		all.Wait()
		if ended := done.Load(); ended != 34 {
			t.Errorf("%d are done", ended)
		}
	})
}
