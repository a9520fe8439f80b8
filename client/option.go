package client

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request being put together by its options.
type call struct {
	header http.Header
	query  url.Values
	wait   time.Duration // the server was asked to hold its answer so long
	meta   *Meta
}

// A CallOption changes one request.
type CallOption func(*call)

// Wait asks the server to hold its answer until every concerned host has
// applied the change, at most d (whole seconds; RFC 7240). A host that is
// slower gives Meta.Realization with state "pending", never an error.
func Wait(d time.Duration) CallOption {
	return func(c *call) {
		secs := int64((d + time.Second - 1) / time.Second)
		c.header.Set("Prefer", "wait="+strconv.FormatInt(secs, 10))
		c.wait = d
	}
}

// IfMatch makes a change conditional on the object's ETag: another one is
// answered 412 "etag-mismatch".
func IfMatch(etag string) CallOption {
	return func(c *call) { c.header.Set("If-Match", etag) }
}

// CreateOnly makes a PUT fail with 412 when the object exists.
func CreateOnly() CallOption {
	return func(c *call) { c.header.Set("If-None-Match", "*") }
}

// IdempotencyKey makes a POST safe to repeat: the first answer is replayed.
func IdempotencyKey(key string) CallOption {
	return func(c *call) { c.header.Set("Idempotency-Key", key) }
}

// Cascade lets the deletion of a group also remove what uses it:
// "attachments", "references" or both.
func Cascade(what ...string) CallOption {
	return Query("cascade", strings.Join(what, ","))
}

// Query adds a query parameter: a list's filter (name, name_prefix, tag,
// network, nic, instance) or a flag such as dry_run. An empty value is left out.
func Query(name, value string) CallOption {
	return func(c *call) {
		if value != "" {
			c.query.Set(name, value)
		}
	}
}

// AllowStale has a read answered while the store is lost, with what the API knew
// last: Meta.Stale says so, and Meta.Age how old it is.
func AllowStale() CallOption { return Query("stale", "allow") }

// Limit sets how many items a list carries on one page, 1-1000.
func Limit(n int) CallOption { return Query("limit", strconv.Itoa(n)) }

// Into records what an answer says besides the object itself.
func Into(m *Meta) CallOption { return func(c *call) { c.meta = m } }

// Meta is what an answer says besides the object.
type Meta struct {
	Status      int
	Revision    int64  // SG-Revision: the revision that holds the change; of a list, the one it was read at
	ETag        string // for IfMatch
	Waited      bool   // the server honoured Wait (Preference-Applied)
	RequestID   string
	Effects     *Effects      // of a mutation
	DryRun      bool          // nothing was changed
	Access      *AccessDiff   // of a dry run
	Connections *Connections  // that it would cut; of a dry run
	Realization *Realization  // when hosts did not apply the change within Wait
	Stale       bool          // of a read with AllowStale: the store is lost, and this was so
	Age         time.Duration // before, when the store was last heard of
	Raw         json.RawMessage
}

// Effects says whom a mutation concerns.
type Effects struct {
	NICs                   []string `json:"nics,omitempty"`      // the first ones
	NICsMore               bool     `json:"nics_more,omitempty"` // than are listed
	Hosts                  []string `json:"hosts,omitempty"`
	EgressBecameOpen       []string `json:"egress_became_open,omitempty"`
	EgressBecameRestricted []string `json:"egress_became_restricted,omitempty"`
	InertRules             []string `json:"inert_rules,omitempty"`
}
