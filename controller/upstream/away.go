package upstream

import (
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/store"
)

// away says which relay has taken the host in; or since when none has, and why.
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

// attached is called when a relay has taken the host in.
func (c *Client) attached(relay string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away{relay: relay}
	c.metrics.connected.Set(1)
}

// detached is called when a stream has ended, or could not be had; took says whether the
// relay had taken the host in.
func (c *Client) detached(took bool, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if took {
		c.away = away{since: time.Now()}
	}
	c.away.why = why
	c.metrics.connected.Set(0)
}
