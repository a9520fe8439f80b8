package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/store"
)

const (
	// contactGrace is how long a request waits for a store that is just away.
	contactGrace = 500 * time.Millisecond
	contactPoll  = 5 * time.Millisecond
)

// inContact refuses a request while the store is lost: what this process knows
// may be outdated, and nobody is to act on that unawares (docs/semantics.md §5). The
// hosts' reports count as well, since "realised" is said by them.
func (c *call) inContact() error {
	s := c.api.store
	since, stale := s.Stale()
	if !stale && c.api.loaded.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.req.Context(), contactGrace)
	defer cancel()
	if err := s.Sync(ctx); err != nil {
		return err
	}
	if err := s.WaitHosts(ctx, func([]store.HostStatus) bool { return true }); err != nil {
		return fmt.Errorf("%w: hosts: %w", store.ErrUnavailable, err)
	}
	c.api.loaded.Store(true)
	for stale {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w since %s", store.ErrUnavailable, since.UTC().Format(time.RFC3339))
		case <-time.After(contactPoll):
		}
		since, stale = s.Stale()
	}
	return nil
}
