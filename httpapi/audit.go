package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// The audit log has one entry for each mutation, written in its transaction, as
// a note of the store: so it is kept apart from etcd's history, and compaction
// does not touch it. There is one log per account, and one of the platform.
// Names are such that the newest entry comes first:
//
//	audit/account/<account>/<MaxInt64 - revision planned on, 16 hex digits>-<id>
//	audit/platform/<the same>
//
// Within a log that is the order of the mutations: those of one account are
// each planned with the one before in sight.

const (
	maxAuditNICs  = 50       // listed in one entry's effects
	maxAuditBytes = 64 << 10 // of one entry's changes
)

// actorJSON is who made a mutation.
type actorJSON struct {
	Name    string      `json:"name"`
	Account string      `json:"account"` // "*" is the platform
	Role    tokens.Role `json:"role"`
	Address string      `json:"address"` // that the request came from
}

// auditJSON is an entry. The note has all of it but the revision.
type auditJSON struct {
	ID          string          `json:"id"`
	Revision    int64           `json:"revision"`
	Time        time.Time       `json:"time"`
	RequestID   string          `json:"request_id"`
	Actor       actorJSON       `json:"actor"`
	Account     *string         `json:"account"` // null: the platform's
	Method      string          `json:"method"`
	Path        string          `json:"path"`
	Changes     []shape.Change  `json:"changes"`
	ChangesMore bool            `json:"changes_more"` // than are listed
	Effects     *effect.Effects `json:"effects"`
}

// auditLog is the name that all entries of a log begin with.
func auditLog(account string) string {
	if account == "" {
		return "audit/platform/"
	}
	return "audit/account/" + account + "/"
}

// auditEntry makes the entry of a mutation.
func (c *call) auditEntry(before *secgroup.Snapshot, r plan.Result) (store.NoteWrite, error) {
	v := plan.NewView(before, before.Revision(), r.Changes)
	account := c.in.Account
	e := c.newAuditEntry()
	size := 0
	for _, ch := range r.Changes {
		if account == "" {
			account = shape.AccountOf(ch.Key, ch.Object, before.Get(ch.Key))
		}
		change, changed, err := shape.ShowChange(ch.Key, before.Get(ch.Key), ch.Object)
		if err != nil {
			return store.NoteWrite{}, err
		}
		text, err := json.Marshal(change)
		if size += len(text); err != nil || size > maxAuditBytes {
			e.ChangesMore = true
			break
		}
		if changed {
			e.Changes = append(e.Changes, change)
		}
	}
	who := realization.Concern{Impact: r.Effects.Impact, View: v}
	hosts := c.api.store.Hosts()
	e.Effects = effect.Show(r.Effects, &who, who.Hosts(hosts), effect.Visible{Account: account, Views: []*plan.View{v, plan.NewView(before, before.Revision(), nil)}}, hosts)
	for _, l := range []*[]string{&e.Effects.NICs, &e.Effects.EgressBecameOpen, &e.Effects.EgressBecameRestricted, &e.Effects.InertRules} {
		if len(*l) > maxAuditNICs {
			*l, e.Effects.NICsMore = (*l)[:maxAuditNICs], true
		}
	}
	return c.auditNote(e, account, before.Revision())
}

// newAuditEntry says who asks for what.
func (c *call) newAuditEntry() *auditJSON {
	return &auditJSON{
		ID: c.api.newID(), Time: c.api.now().UTC(), RequestID: c.id, Method: c.req.Method, Path: c.req.URL.Path,
		Actor: actorJSON{c.who.Name, c.who.Account, c.who.Role, clientAddress(c.req.RemoteAddr)}, Changes: []shape.Change{},
		Effects: &effect.Effects{NICs: []string{}, Hosts: []string{}, EgressBecameOpen: []string{}, EgressBecameRestricted: []string{}, InertRules: []string{}},
	}
}

// auditNote is the note of an entry in an account's log, "" for the platform's,
// of a mutation that was planned at a revision.
func (c *call) auditNote(e *auditJSON, account string, rev int64) (store.NoteWrite, error) {
	if account != "" {
		e.Account = &account
	}
	c.api.trim.wrote(auditLog(account))
	value, err := json.Marshal(e)
	name := fmt.Sprintf("%s%016x-%s", auditLog(account), math.MaxInt64-rev, e.ID)
	return store.NoteWrite{Name: name, Value: value, Keep: c.api.audit.Keep}, err
}

// clientAddress is the IP address of a host:port.
func clientAddress(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}
