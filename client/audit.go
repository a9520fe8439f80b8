package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// AuditEntry is one mutation: who made it, from where, what it changed.
type AuditEntry struct {
	ID        string    `json:"id"`
	Revision  int64     `json:"revision"`
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	Actor     struct {
		Name    string `json:"name"`
		Account string `json:"account"` // "*" is the platform
		Role    string `json:"role"`
		Address string `json:"address"`
	} `json:"actor"`
	Account     *string  `json:"account"` // nil: the platform's
	Method      string   `json:"method"`
	Path        string   `json:"path"`
	Changes     []Change `json:"changes"`
	ChangesMore bool     `json:"changes_more"`
	Effects     *Effects `json:"effects"`
}

// Change is what became of one object.
type Change struct {
	Kind         string          `json:"kind"` // "security-group", "nic", …
	Account      string          `json:"account"`
	ID           string          `json:"id"`
	Action       string          `json:"action"` // "created", "updated", "deleted"
	Patch        json.RawMessage `json:"patch"`  // RFC 6902
	PatchOmitted bool            `json:"patch_omitted"`
}

// Event is what one revision did to an account.
type Event struct {
	Revision int64    `json:"revision"`
	Mark     string   `json:"mark"` // tells the revision from one of its number in a store restored from a backup
	Changes  []Change `json:"changes"`
	Alarms   []Alarm  `json:"alarms"`
}

// Alarm says that something is not as it should be. Its kind is
// "trace-disagreement": a trace showed that the datapath does not do what the
// policy says; or "nic-conflict": NICs are plugged where they may not be, or at
// several hosts that they do not name; or "nic-conflict-over".
type Alarm struct {
	Kind    string      `json:"kind"`
	Trace   string      `json:"trace"` // its id
	Time    time.Time   `json:"time"`
	Summary string      `json:"summary"`
	Packet  TracePacket `json:"packet"`
	Legs    []AlarmLeg  `json:"legs"`

	Conflicts []NICConflict `json:"conflicts"` // of the latter two kinds
}

// NICConflict is a NIC of an alarm.
type NICConflict struct {
	NIC    string   `json:"nic"`
	Detail string   `json:"detail"` // "": it is over
	Hosts  []string `json:"hosts"`  // where it is plugged
}

// AlarmLeg is an end at which verdicts differ.
type AlarmLeg struct {
	Direction string `json:"direction"`
	NIC       string `json:"nic"` // "": another account's
	Host      string `json:"host"`
	Policy    string `json:"policy"`
	Datapath  string `json:"datapath"`
	Probe     string `json:"probe"` // "": nothing was sent
}

// Audit lists the mutations of an account, the newest first. Filters: actor,
// kind, id, action, request_id, since, until.
func (c *Client) Audit(ctx context.Context, acct string, opts ...CallOption) iter.Seq2[AuditEntry, error] {
	return list[AuditEntry](ctx, c, account(acct, "audit"), opts)
}

// PlatformAudit lists the mutations of networks, the baseline and hosts (admin).
func (c *Client) PlatformAudit(ctx context.Context, opts ...CallOption) iter.Seq2[AuditEntry, error] {
	return list[AuditEntry](ctx, c, "/v1/audit", opts)
}

// Events waits up to a time for what happens to an account after a revision,
// and returns the revision to go on from. After revision 0 there is nothing but
// the revision to begin with. A Problem "revision-compacted" says that the
// events are not kept any more: read the lists anew.
func (c *Client) Events(ctx context.Context, acct string, since int64, wait time.Duration, opts ...CallOption) ([]Event, int64, error) {
	if since > 0 {
		opts = append(opts, Query("since", strconv.FormatInt(since, 10)), Query("wait", wait.String()), func(c *call) { c.wait = wait })
	}
	var out struct {
		Items    []Event `json:"items"`
		Revision int64   `json:"revision"`
	}
	err := c.Do(ctx, http.MethodGet, account(acct, "events"), nil, &out, opts...)
	return out.Items, out.Revision, err
}
