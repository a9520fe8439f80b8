package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/link"
)

// recorder is a Handler that keeps what it gets.
type recorder struct {
	mu      sync.Mutex
	pulse   link.Pulse
	snap    *snapshot
	batches []Batch
	fault   error
	forgets bool // State returns nil
}

func (r *recorder) Handle(_ context.Context, b Batch) error {
	defer r.pulse.Beat()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snap, _ = b.After(r.snap)
	r.batches = append(r.batches, b)
	return r.fault
}

func (r *recorder) State() *snapshot {
	if r.forgets {
		return nil
	}
	return r.snap
}

// await waits until the recorder is at rev, and returns the batches so far.
func (r *recorder) await(t *testing.T, rev int64) []Batch {
	t.Helper()
	ctx := within(t, patience)
	for {
		next := r.pulse.Next()
		r.mu.Lock()
		if r.snap != nil && r.snap.Revision() >= rev {
			defer r.mu.Unlock()
			return slices.Clone(r.batches)
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			t.Fatalf("revision %d did not come: %v", rev, context.Cause(ctx))
		case <-next:
		}
	}
}

// state is what the recorder holds.
func (r *recorder) state() map[secgroup.Key]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return records(r.snap)
}

// follow runs Follow for the time of the test.
func follow(t *testing.T, s *Store, r *recorder) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Follow(ctx, r) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
			t.Error("Follow returned", err)
		}
	})
}
