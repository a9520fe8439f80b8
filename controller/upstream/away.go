package upstream

import (
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/store"
)

// away is since when the host has no relay that has taken it in, and why.
type away struct {
	since time.Time // zero: it has one
	relay string    // that one
	why   error     // nil: none was tried yet
}

// nameTaken is the refusal of a name that another machine has, nil if that is not why.
func (a away) nameTaken() error {
	var no *refusal
	if a.since.IsZero() || !errors.As(a.why, &no) || !no.nameTaken {
		return nil
	}
	return fmt.Errorf("%w: %s", store.ErrSeatTaken, no.reason)
}

// Attached tells which relay has taken the host in; if none has ("") since when, and why
// the last one that was tried did not. Why is nil while the first is tried.
func (c *Client) Attached() (relay string, since time.Time, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away.relay, c.away.since, c.away.why
}

// attached notes that a relay has taken the host in.
func (c *Client) attached(relay string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away{relay: relay}
	c.metrics.connected.Set(1)
}

// detached notes the end of an attempt to have a stream.
func (c *Client) detached(took bool, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if took {
		c.away = away{since: time.Now()}
	}
	c.away.why = why
	c.metrics.connected.Set(0)
}
