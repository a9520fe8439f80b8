package client

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// Host is a hypervisor with a controller.
type Host struct {
	ID              string    `json:"id"`
	LastSeen        time.Time `json:"last_seen"`
	Alive           bool      `json:"alive"`     // its controller reported lately
	Connected       bool      `json:"connected"` // its controller reaches its switch
	AppliedRevision int64     `json:"applied_revision"`
	Flows           int       `json:"flows"`
	NICs            []HostNIC `json:"nics"`
	Errors          []string  `json:"errors"`
	Version         string    `json:"version"`
	StartedAt       time.Time `json:"started_at"` // its controller
	// ClockSkewSeconds is by how much its clock is ahead of the API's, nil
	// until the API has heard of it.
	ClockSkewSeconds *float64 `json:"clock_skew_seconds"`
	// Receipt says how the host knows that packets meet a change, and why so, for
	// people; "" until it has told.
	Receipt string `json:"receipt"`
}

// HostNIC is a NIC that is plugged on a host.
type HostNIC struct {
	ID              string `json:"id"`
	OFPort          uint32 `json:"ofport"`
	Ready           bool   `json:"ready"`
	Error           string `json:"error"`
	AppliedRevision int64  `json:"applied_revision"`
	Conflict        string `json:"conflict"` // it may not be here, or is at another host too; "" = neither
}

// Realization says whether the concerned hosts have applied a revision:
// their flows are confirmed by the switch and open connections judged again.
type Realization struct {
	Revision int64         `json:"revision"`
	State    string        `json:"state"` // "realized", "pending"
	Lagging  []LaggingHost `json:"lagging"`
}

// LaggingHost is a host that has not applied a revision yet.
type LaggingHost struct {
	Host            string `json:"host"` // "": hosts without a NIC of the account
	AppliedRevision int64  `json:"applied_revision"`
	Reason          string `json:"reason"`
}

// Hosts lists all hosts (admin).
func (c *Client) Hosts(ctx context.Context, opts ...CallOption) iter.Seq2[Host, error] {
	return list[Host](ctx, c, "/v1/hosts", opts)
}

// Host reads one host (admin).
func (c *Client) Host(ctx context.Context, id string, opts ...CallOption) (h Host, err error) {
	err = c.Do(ctx, http.MethodGet, path("/v1/hosts", id), nil, &h, opts...)
	return h, err
}

// ForgetHost forgets a host that is no more, so that nobody waits for it (admin).
func (c *Client) ForgetHost(ctx context.Context, id string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, path("/v1/hosts", id), nil, nil, opts...)
}

// Realization asks whether all hosts have applied revision (0: the latest),
// and lets the server wait for it up to wait (admin).
func (c *Client) Realization(ctx context.Context, revision int64, wait time.Duration, opts ...CallOption) (r Realization, err error) {
	err = c.Do(ctx, http.MethodGet, "/v1/realization", nil, &r, append(opts, realizationQuery(revision, wait))...)
	return r, err
}

// AccountRealization asks the same of the hosts that have NICs of an account.
func (c *Client) AccountRealization(ctx context.Context, acct string, revision int64, wait time.Duration, opts ...CallOption) (r Realization, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "realization"), nil, &r, append(opts, realizationQuery(revision, wait))...)
	return r, err
}

// GroupRealization asks the same of the hosts that a group concerns.
func (c *Client) GroupRealization(ctx context.Context, acct, group string, revision int64, wait time.Duration, opts ...CallOption) (r Realization, err error) {
	p := account(acct, "security-groups", group, "realization")
	err = c.Do(ctx, http.MethodGet, p, nil, &r, append(opts, realizationQuery(revision, wait))...)
	return r, err
}

func realizationQuery(revision int64, wait time.Duration) CallOption {
	return func(c *call) {
		if revision > 0 {
			c.query.Set("revision", strconv.FormatInt(revision, 10))
		}
		if wait > 0 {
			c.query.Set("wait", wait.String())
			c.wait = wait
		}
	}
}
