package httpapi

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/ringfence/ringfence/httpapi/audit"
	"github.com/ringfence/ringfence/httpapi/pages"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

const (
	auditPage = 200    // entries read from the store at once
	auditScan = 10_000 // looked at for one answer at most
)

// accountAudit answers GET …/audit, newest first.
func accountAudit(c *call) error {
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		if s.Account(c.in.Account) == nil && !c.who.Platform() {
			return transport.NotFound() // the platform may read what was done to an account that is gone
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.audit(audit.Log(c.in.Account))
}

// platformAudit answers GET /v1/audit: what was done to networks, the baseline,
// hosts and the cluster.
func platformAudit(c *call) error { return c.audit(audit.Log("")) }

// audit answers a page of a log. New entries come before the first page, so
// that a cursor goes on where it was.
func (c *call) audit(log string) error {
	limit, err := c.in.Limit()
	if err != nil {
		return err
	}
	keep, err := audit.Filter(c.in)
	if err != nil {
		return err
	}
	from, err := c.cursor()
	if err != nil {
		return err
	}
	page := newPage(limit)
	var rev int64
	if err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error { rev = s.Revision(); return nil }); err != nil {
		return err
	}
	after := ""
	if from != nil {
		if rev, after = from.Revision, log+from.After; !strings.HasPrefix(after, log) || strings.Contains(from.After, "/") {
			return pages.BadCursor()
		}
	}
	for seen := 0; ; {
		notes, err := c.api.store.Notes(c.req.Context(), log, after, auditPage)
		if err != nil {
			return err
		}
		for _, n := range notes {
			if page.full() || seen == auditScan {
				return c.answer(http.StatusOK, page.end(&pages.Cursor{Revision: rev, After: strings.TrimPrefix(after, log), List: c.listID()}, rev))
			}
			seen, after = seen+1, n.Name
			var e audit.Entry
			if err := json.Unmarshal(n.Value, &e); err != nil {
				return fmt.Errorf("note %s: %w", n.Name, err)
			}
			e.Revision = n.Revision
			if !keep(&e) {
				continue
			}
			if err := page.add(e); err != nil {
				return err
			}
		}
		if len(notes) < auditPage {
			return c.answer(http.StatusOK, page.end(nil, rev))
		}
	}
}

// auditEntry makes the entry of a mutation.
func (c *call) auditEntry(before *secgroup.Snapshot, r plan.Result) (store.NoteWrite, error) {
	e := c.newAuditEntry()
	account, err := e.Of(c.in.Account, before, r, c.api.store)
	if err != nil {
		return store.NoteWrite{}, err
	}
	return c.auditNote(e, account, before.Revision())
}

// platformEntry makes the entry of what changes no policy, in the platform's log.
func (c *call) platformEntry(change shape.Change) (entry store.NoteWrite, err error) {
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) (err error) {
		e := c.newAuditEntry()
		e.Changes = append(e.Changes, change)
		entry, err = c.auditNote(e, "", s.Revision())
		return err
	})
	return entry, err
}

// newAuditEntry says who asks for what.
func (c *call) newAuditEntry() *audit.Entry {
	return &audit.Entry{
		ID: c.api.newID(), Time: c.api.now().UTC(), RequestID: c.id, Method: c.req.Method, Path: c.req.URL.Path,
		Actor:   audit.Actor{Name: c.who.Name, Account: c.who.Account, Role: c.who.Role, Address: clientAddress(c.req.RemoteAddr)},
		Changes: []shape.Change{}, Effects: audit.NoEffects(),
	}
}

// auditNote is the note of an entry in an account's log, "" for the platform's,
// of a mutation that was planned at a revision.
func (c *call) auditNote(e *audit.Entry, account string, rev int64) (store.NoteWrite, error) {
	c.api.trim.Wrote(audit.Log(account))
	return e.Note(account, rev, c.api.audit.Keep)
}

// clientAddress is the IP address of a host:port.
func clientAddress(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}
