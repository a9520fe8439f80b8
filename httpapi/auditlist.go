package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ringfence/ringfence/httpapi/pages"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// auditParameters filter a log.
var auditParameters = []string{"actor", "kind", "id", "action", "request_id", "since", "until"}

const (
	auditPage = 200    // entries read from the store at once
	auditScan = 10_000 // looked at for one answer at most
)

// accountAudit answers GET …/audit, newest first.
func accountAudit(c *call) error {
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		if plan.NewView(s, s.Revision(), nil).Account(c.in.Account) == nil && !c.who.Platform() {
			return transport.NotFound() // the platform may read what was done to an account that is gone
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.audit(auditLog(c.in.Account))
}

// platformAudit answers GET /v1/audit: what was done to networks and the baseline.
func platformAudit(c *call) error { return c.audit(auditLog("")) }

// audit answers a page of a log. New entries come before the first page, so
// that a cursor goes on where it was.
func (c *call) audit(log string) error {
	limit, err := c.in.Limit()
	if err != nil {
		return err
	}
	keep, err := c.auditFilter()
	if err != nil {
		return err
	}
	from, err := c.cursor()
	if err != nil {
		return err
	}
	page := &pageJSON{Items: []any{}}
	if err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error { page.Revision = s.Revision(); return nil }); err != nil {
		return err
	}
	after := ""
	if from != nil {
		if page.Revision, after = from.Revision, log+from.After; !strings.HasPrefix(after, log) || strings.Contains(from.After, "/") {
			return pages.BadCursor()
		}
	}
	for seen := 0; ; {
		notes, err := c.api.store.Notes(c.req.Context(), log, after, auditPage)
		if err != nil {
			return err
		}
		for _, n := range notes {
			if len(page.Items) == limit || seen == auditScan {
				next := pages.Cursor{Revision: page.Revision, After: strings.TrimPrefix(after, log), List: c.listID()}.Encode()
				page.NextCursor = &next
				return c.json(page)
			}
			seen, after = seen+1, n.Name
			var e auditJSON
			if err := json.Unmarshal(n.Value, &e); err != nil {
				return fmt.Errorf("note %s: %w", n.Name, err)
			}
			e.Revision = n.Revision
			if keep(&e) {
				page.Items = append(page.Items, e)
			}
		}
		if len(notes) < auditPage {
			return c.json(page)
		}
	}
}

// auditFilter reads the filters: who (actor), what (kind, id, action), of which
// request, and when (since and until, RFC 3339; since included, until not).
func (c *call) auditFilter() (func(*auditJSON) bool, error) {
	times := map[string]time.Time{}
	for _, name := range []string{"since", "until"} {
		if v := c.in.Query(name); v != "" {
			at, err := time.Parse(time.RFC3339, v)
			if err != nil {
				return nil, transport.BadParameter(name + " is a time such as 2026-01-31T12:00:00Z")
			}
			times[name] = at
		}
	}
	actor, kind, id, action, request := c.in.Query("actor"), c.in.Query("kind"), c.in.Query("id"), c.in.Query("action"), c.in.Query("request_id")
	since, until := times["since"], times["until"]
	return func(e *auditJSON) bool {
		if actor != "" && e.Actor.Name != actor || request != "" && e.RequestID != request ||
			!since.IsZero() && e.Time.Before(since) || !until.IsZero() && !e.Time.Before(until) {
			return false
		}
		if kind == "" && id == "" && action == "" {
			return true
		}
		for _, ch := range e.Changes {
			if (kind == "" || ch.Kind == kind) && (id == "" || ch.ID == id) && (action == "" || ch.Action == action) {
				return true
			}
		}
		return false
	}, nil
}
