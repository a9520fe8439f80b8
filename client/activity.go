package client

import (
	"context"
	"net/http"
	"time"
)

// Activity is what one API process has seen of the last hour of an account.
type Activity struct {
	Since  time.Time       `json:"since"`        // nothing is known from before
	Step   int             `json:"step_seconds"` // from one point to the next
	Points []ActivityPoint `json:"points"`
}

// ActivityPoint is one step. What is not known is nil.
type ActivityPoint struct {
	At          time.Time `json:"at"`           // where the step begins
	Connections *uint64   `json:"connections"`  // packets that began one
	Drops       *uint64   `json:"drops"`        // packets, while somebody looked
	Lag         *float64  `json:"lag_seconds"`  // the longest that a host was behind
	Silent      int       `json:"silent_hosts"` // whose counts are missing
}

// Activity tells what went on in an account in the last hour.
func (c *Client) Activity(ctx context.Context, acct string, opts ...CallOption) (a Activity, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "activity"), nil, &a, opts...)
	return a, err
}
