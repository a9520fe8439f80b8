package megaflow

import (
	"context"
	"sync"

	"github.com/ringfence/ringfence/controller/internal/pause"
)

// quiescence knows since which state of the tables the revalidators have had nothing to
// change. After a purge all megaflows are of the tables of then, and when a pass has
// ended since, no revalidator holds anything from before it: what one finds until the
// tables change is that a megaflow is right as it is.
//
// Only changes of a bridge's flows are counted. A pass may change megaflows for other
// reasons, such as a MAC that another bridge of the same datapath learns elsewhere.
type quiescence struct {
	wake chan struct{}

	mu          sync.Mutex
	conn        tables // whose changes are counted
	purgedAt    uint64 // of which there were so many before the latest purge
	quiescentAt uint64 // and so many before one that a pass has followed
}

func newRest() quiescence { return quiescence{wake: make(chan struct{}, 1)} }

// changes are those of a connection, if there is one.
func changes(conn tables) (n uint64, over bool) {
	if conn == nil {
		return 0, false
	}
	return conn.Changes()
}

// since reports whether there was at most one change, the last of so many, since the
// revalidators are known to be at rest.
func (r *quiescence) since(conn tables, changes uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn == conn && r.quiescentAt > 0 && changes <= r.quiescentAt+1
}

// purged notes that the megaflows were purged after so many changes.
func (r *quiescence) purged(conn tables, changes uint64) {
	r.mu.Lock()
	if r.conn != conn {
		r.conn, r.purgedAt, r.quiescentAt = conn, 0, 0
	}
	r.purgedAt = max(r.purgedAt, changes)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run awaits a pass after each purge, but leaves the revalidators the moment before
// that they need for the change itself.
func (r *quiescence) run(ctx context.Context, pass func(context.Context) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wake:
		}
		if err := pause.For(ctx, sampleAfter); err != nil {
			return err
		}
		select {
		case <-r.wake: // one pass is for all purges so far
		default:
		}
		r.mu.Lock()
		conn, owed := r.conn, r.purgedAt
		r.mu.Unlock()
		if pass(ctx) != nil {
			continue // the next change waits for a pass itself
		}
		r.mu.Lock()
		if r.conn == conn {
			r.quiescentAt = max(r.quiescentAt, owed)
		}
		r.mu.Unlock()
	}
}
