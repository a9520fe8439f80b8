package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/store"
)

const (
	// contactGrace is how long a request waits for a store that is just away.
	contactGrace = 500 * time.Millisecond
	contactPoll  = 5 * time.Millisecond
)

// fromMemory is the query parameter of reads that need nothing but what this
// process has in memory.
var fromMemory = []string{"stale"}

// inContact refuses a request while the store is lost: what this process knows
// may be outdated, and nobody is to act on that unawares (docs/semantics.md §5). The
// hosts' reports count as well, since "realised" is said by them. A read that
// asks for it is given what is known all the same, and is told how old it is.
func (c *call) inContact() error {
	s := c.api.store
	now := s.Condition()
	if !now.Lost() && c.api.loaded.Load() {
		return nil
	}
	stale := c.staleAllowed() && c.api.loaded.Load()
	if stale && time.Since(now.Since) > contactGrace {
		c.tellStale(now)
		return nil
	}
	err := c.awaitContact()
	if now = s.Condition(); stale && errors.Is(err, store.ErrUnavailable) && now.Lost() {
		c.tellStale(now)
		return nil
	}
	return err
}

// awaitContact waits for a store that is away, and for the first load.
func (c *call) awaitContact() error {
	s := c.api.store
	ctx, cancel := context.WithTimeout(c.req.Context(), contactGrace)
	defer cancel()
	if err := s.Sync(ctx); err != nil {
		return err
	}
	if err := s.WaitHosts(ctx, func([]store.HostStatus) bool { return true }); err != nil {
		return fmt.Errorf("%w: hosts: %w", store.ErrUnavailable, err)
	}
	c.api.loaded.Store(true)
	for now := s.Condition(); now.Lost(); now = s.Condition() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w since %s: %w", now.Kind, now.Since.UTC().Format(time.RFC3339), errors.Join(now.Cause))
		case <-time.After(contactPoll):
		}
	}
	return nil
}

// staleAllowed tells whether the caller takes what is known. What hosts have to
// be asked for, with the store in between, is not known.
func (c *call) staleAllowed() bool {
	return c.in.Query("stale") == "allow" && c.in.Query("hits") != "true" && c.in.Query("unused_since") == ""
}

// staleness marks what was known when the store was last heard of.
type staleness struct {
	Stale   bool    `json:"stale"`
	Seconds float64 `json:"stale_seconds"` // since the store was last heard of
}

func (c *call) tellStale(now store.Condition) {
	c.stale = &staleness{Stale: true, Seconds: float64(time.Since(now.Heard).Milliseconds()) / 1000}
}

// markStale adds to an answer that it may be outdated, and has nobody keep it, if the store
// is not in contact.
func (c *call) markStale(body []byte) ([]byte, error) {
	if c.stale == nil {
		return body, nil
	}
	c.res.Header().Set("Cache-Control", "no-store")
	return strictjson.WithMembers(body, c.stale)
}
