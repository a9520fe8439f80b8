package controller

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxApplyTimes bounds how many revisions are measured at a time, of 32 bytes each. If
// there are more, the earlier ones are left out.
const maxApplyTimes = 4096

// applyTimes measures how long the changes of the policy take from when they were
// read until they are in force on this host. Those that change nothing here are
// not among them, and neither is the policy as a whole, as it is at the start.
type applyTimes struct {
	seconds prometheus.Observer
	now     func() time.Time

	mu   sync.Mutex
	seen []pendingChange // by revision, rising
}

type pendingChange struct {
	revision int64
	since    time.Time
}

// read notes that a change was read just now.
func (w *applyTimes) read(revision int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == maxApplyTimes {
		w.seen = slices.Delete(w.seen, 0, maxApplyTimes/2)
	}
	w.seen = append(w.seen, pendingChange{revision, w.now()})
}

// forget drops the changes so far: the whole policy was read anew.
func (w *applyTimes) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}

// inForce ends the measurement of the changes up to a revision. They are observed if some
// of them changed something on this host.
func (w *applyTimes) inForce(revision int64, some bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, _ := slices.BinarySearchFunc(w.seen, revision+1, func(a pendingChange, r int64) int { return int(a.revision - r) })
	if some {
		for _, a := range w.seen[:n] {
			w.seconds.Observe(w.now().Sub(a.since).Seconds())
		}
	}
	w.seen = slices.Delete(w.seen, 0, n)
}
